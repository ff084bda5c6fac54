import { z } from 'zod';
import { DEFAULT_EXCLUDED_GROUPS } from '../model/group-sync.js';
import { MAX_PATTERN_LENGTH, MAX_PATTERNS } from '../patterns/name-patterns.js';
import { rewriteFault } from '../patterns/name-rewrite.js';
import { ms, pattern } from './fields.js';

const MAX_RENAMES = 100;
const MAX_REPLACEMENT_LENGTH = 250;

const rename = z
  .strictObject({
    match: z.string().min(1).max(MAX_PATTERN_LENGTH),
    replacement: z.string().min(1).max(MAX_REPLACEMENT_LENGTH),
  })
  .superRefine(({ match, replacement }, context) => {
    const fault = rewriteFault(match, replacement);
    if (fault !== undefined) context.addIssue({ code: 'custom', path: ['match'], message: fault });
  });

/** How the positions of consumer groups follow their source. */
export const groupSync = z.strictObject({
  include: z
    .array(pattern)
    .min(1)
    .max(MAX_PATTERNS)
    .default(['.*'])
    .describe('Patterns (RE2, whole names) of the source’s consumer groups whose positions are kept at the target.'),
  exclude: z
    .array(pattern)
    .max(MAX_PATTERNS)
    .default([...DEFAULT_EXCLUDED_GROUPS])
    .describe(
      'Patterns of groups that are not, whatever includes them. A list given here takes the place of the default one.',
    ),
  intervalMs: ms.min(100).default(5_000).describe('How often positions are compared and written.'),
  renames: z
    .array(rename)
    .max(MAX_RENAMES)
    .default([])
    .describe(
      'Names of groups at the target: `match` is a pattern (RE2) of the whole name, `replacement` what takes its place (`$1`: what the first group matched). The first that matches counts; a group that none matches keeps its name.',
    ),
  allowRewind: z
    .boolean()
    .default(false)
    .describe('true: positions at the target go back where the source’s do. Otherwise only forward.'),
  beforeMirror: z
    .enum(['none', 'earliest'])
    .default('none')
    .describe(
      'What becomes of a position before the first record that was copied: nothing is written (`none`), or the first copied record (`earliest`).',
    ),
  untranslatable: z
    .enum(['none', 'timestamp'])
    .default('none')
    .describe(
      'What becomes of a position where the offset map is lost: nothing is written (`none`), or the first record at the target that is not older than what the group read last (`timestamp`): some are read again, it is told how many.',
    ),
});

/** MirrorMaker 2's own topics. */
export const mm2 = z.strictObject({
  heartbeats: z
    .enum(['off', 'target', 'both'])
    .default('target')
    .describe(
      'Where MirrorMaker 2’s topic `heartbeats` is written: nowhere, at the target, or at the source too, from where it is mirrored as `<source>.heartbeats`.',
    ),
  heartbeatIntervalMs: ms.min(100).default(1_000).describe('How often a heartbeat is written.'),
  checkpoints: z
    .boolean()
    .default(true)
    .describe(
      'Whether `<source>.checkpoints.internal` is written at the target: positions of the source’s consumer groups, translated, for `RemoteClusterUtils` and the like.',
    ),
  checkpointIntervalMs: ms.min(100).default(5_000).describe('How often checkpoints are written where positions moved.'),
  offsetSyncs: z
    .enum(['off', 'source', 'target'])
    .default('off')
    .describe(
      'Where `mm2-offset-syncs.<other cluster>.internal` is written, which a MirrorCheckpointConnector that runs beside needs.',
    ),
  offsetLagMax: z
    .number()
    .int()
    .min(0)
    .max(1_000_000_000)
    .default(100)
    .describe('Records of a partition after which another offset sync is written, as `offset.lag.max`.'),
  offsetSyncIntervalMs: ms.min(100).default(2_000).describe('How often it is looked whether offset syncs are due.'),
  replicationFactor: z
    .number()
    .int()
    .min(1)
    .max(32)
    .optional()
    .describe('Of these topics when they are created; 3, or as many brokers as there are, unless set.'),
});
