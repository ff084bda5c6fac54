import { z } from 'zod';
import { RIGHTS_INTERVAL_MS } from '../model/rights-policy.js';
import { MAX_PATTERNS } from '../patterns/name-patterns.js';
import { rewriteFault } from '../patterns/name-rewrite.js';
import { ms, pattern } from './fields.js';

const principalRule = z
  .strictObject({
    match: pattern.describe('Pattern (RE2, the whole principal at the source), such as `User:(.*)@east`.'),
    to: z
      .string()
      .min(1)
      .max(500)
      .describe('The principal at the target; `$1` stands for the pattern’s first group, `$$` for a dollar sign.'),
  })
  .superRefine(({ match, to }, context) => {
    const fault = rewriteFault(match, to);
    if (fault !== undefined) context.addIssue({ code: 'custom', path: ['to'], message: fault });
  });

const principals = z.strictObject({
  map: z
    .array(principalRule)
    .max(MAX_PATTERNS)
    .default([])
    .describe('Principals that are called otherwise at the target; the first rule that matches counts.'),
  exclude: z
    .array(pattern)
    .max(MAX_PATTERNS)
    .default([])
    .describe(
      'Patterns of principals at the source whose rights, quotas and passwords are no concern of this route’s.',
    ),
});

/** What a route does about ACLs (docs/acls.md). */
export const aclSettings = z.strictObject({
  mode: z
    .enum(['off', 'report', 'additive', 'mirror'])
    .default('off')
    .describe(
      '`report`: what differs is told; `additive`: rights that the target lacks are granted there, none is ever taken back; `mirror`: rights that are gone at the source are taken back as well.',
    ),
  topics: z.boolean().default(true).describe('Rights on topics that the route mirrors.'),
  groups: z.boolean().default(true).describe('Rights on consumer groups.'),
  write: z
    .enum(['omit', 'copy'])
    .default('omit')
    .describe(
      '`omit`: as MirrorMaker 2, ALLOW WRITE is not copied and ALLOW ALL becomes ALLOW READ; `copy`: as they are, so that producers may write there after a failover.',
    ),
  wildcard: z
    .enum(['report', 'copy'])
    .default('report')
    .describe(
      'Rights on `*` where target names have no prefix of the route’s own: told only, or granted on everything at the target.',
    ),
  principals: principals.prefault({}).describe('Who is called otherwise at the target, and who is left alone.'),
  remove: z
    .enum(['created', 'scope'])
    .default('created')
    .describe(
      'With mode mirror: `created` takes back only what this route granted; `scope` also what others granted on its topics and the source does not have.',
    ),
  maxRemovals: z
    .number()
    .int()
    .min(0)
    .max(100_000)
    .default(10)
    .describe(
      'With mode mirror: a round takes back so many rights, or maxRemovalsPercent of them; more wait for an `apply`.',
    ),
  maxRemovalsPercent: z
    .number()
    .min(0)
    .max(100)
    .default(5)
    .describe('Per cent of the rights that the route has at the target; see maxRemovals.'),
  intervalMs: ms
    .min(1_000)
    .default(RIGHTS_INTERVAL_MS)
    .describe('How often rights, quotas and users of both clusters are compared.'),
});

export const quotaMode = z
  .enum(['off', 'report', 'sync'])
  .describe(
    'Client quotas of users and client ids: `report` tells what differs; `sync` sets the source’s at the target, and takes back what it set.',
  );

export const userMode = z
  .enum(['off', 'report'])
  .describe(
    '`report`: SCRAM users that the target lacks are told. They are never copied: no cluster hands out what it knows of passwords.',
  );
