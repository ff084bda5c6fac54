import { z } from 'zod';
import type { SchemaIdPolicy } from '../model/schema-id-policy.js';
import { DEFAULT_SCHEMAS_TOPIC, type SchemaPolicy } from '../model/schema-policy.js';
import { MAX_PATTERNS } from '../patterns/name-patterns.js';
import { ms, pattern } from './fields.js';
import { topicName } from './naming-schema.js';

/** What a route does about schemas (docs/schemas.md). */
export const schemaSettings = z.strictObject({
  mode: z
    .enum(['off', 'report', 'api', 'topic'])
    .default('off')
    .describe(
      '`report`: what differs between the registries is told; `api`: subjects, versions and ids are copied from registry to registry, the target’s in mode IMPORT until it is promoted; `topic`: the registry’s own topic is mirrored by this route, under guard.',
    ),
  subjects: z
    .strictObject({
      include: z
        .array(pattern)
        .min(1)
        .max(MAX_PATTERNS)
        .default(['.*'])
        .describe('Patterns (RE2, whole names) of subjects; what they refer to must be among them.'),
      exclude: z.array(pattern).max(MAX_PATTERNS).default([]).describe('Patterns of subjects that are left out.'),
    })
    .prefault({})
    .describe('Which subjects, with modes report and api.'),
  context: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,100}$/, 'use letters, digits, - and _')
    .optional()
    .describe(
      'With modes report and api: the context of the target’s registry that takes them, for several sources in one registry. Unless set: the default one.',
    ),
  topic: topicName.default(DEFAULT_SCHEMAS_TOPIC).describe('With mode topic: the registry’s topic.'),
  intervalMs: ms.min(1_000).default(60_000).describe('How often the registries are compared.'),
});

/** Ids in front of keys and values (docs/schemas.md). */
export const schemaIdSettings = z.strictObject({
  keys: z.boolean().default(false).describe('In front of keys.'),
  values: z.boolean().default(true).describe('In front of values.'),
  register: z
    .boolean()
    .default(false)
    .describe(
      'true: a schema that the target’s registry does not have is registered there; else the partition stops in front of the record.',
    ),
});

export function schemaIdPolicyFrom({ keys, values, register }: z.output<typeof schemaIdSettings>): SchemaIdPolicy {
  return { keys, values, register };
}

/** Its parts in one order, so that equal policies are equal texts. */
export function schemaPolicyFrom({
  mode,
  subjects,
  context,
  topic,
  intervalMs,
}: z.output<typeof schemaSettings>): SchemaPolicy {
  return {
    mode,
    subjects: { include: [...subjects.include], exclude: [...subjects.exclude] },
    ...(context === undefined ? {} : { context }),
    topic,
    intervalMs,
  };
}
