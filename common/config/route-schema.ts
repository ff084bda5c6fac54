import { z } from 'zod';
import { MAX_PATTERNS } from '../patterns/name-patterns.js';
import { continuity } from './continuity-schema.js';
import { identifier, pattern, zone } from './fields.js';
import { groupSync, mm2 } from './groups-schema.js';
import { naming, topicName } from './naming-schema.js';
import { partitionMapping, recordRules } from './record-rules-schema.js';
import { aclSettings, quotaMode, userMode } from './rights-schema.js';
import { schemaIdSettings, schemaSettings } from './schema-sync-schema.js';
import { topicSync } from './topic-sync-schema.js';

/** Upper bounds, for routes, topics and workers. */
export const rateLimits = z.strictObject({
  bytesPerS: z.number().int().min(1).optional().describe('Bytes a second; no bound unless set.'),
  recordsPerS: z.number().int().min(1).optional().describe('Records a second; no bound unless set.'),
});

/** Which topics a route mirrors by itself. */
export const selectionSettings = z.strictObject({
  include: z
    .array(pattern)
    .min(1)
    .max(MAX_PATTERNS)
    .describe('Patterns (RE2, whole names) of topics that are mirrored without being added, also those still to come.'),
  exclude: z
    .array(pattern)
    .max(MAX_PATTERNS)
    .default([])
    .describe('Patterns of topics that are not, whatever includes them.'),
  targetMustExist: z
    .boolean()
    .default(false)
    .describe('true: only topics that the target has already, as uReplicator’s automatic whitelisting does.'),
  onUnmatched: z
    .enum(['keep', 'stop'])
    .default('keep')
    .describe(
      'What becomes of a selected topic that does not match any more, after the patterns were changed: it is copied on (`keep`) or paused (`stop`), and told as TOPIC_UNSELECTED in both cases.',
    ),
});

export const deliveryMode = z.enum(['exactly-once', 'transactional', 'at-least-once']);

/** A route's settings, shared by the configuration file and PUT /api/v1/routes/{name}. */
export const routeSettings = z.strictObject({
  source: identifier.describe('Name of the cluster to read from.'),
  target: identifier.describe('Name of the cluster to write to.'),
  naming: naming.default({ policy: 'identity' }).describe('How target topics are named.'),
  delivery: deliveryMode
    .optional()
    .describe(
      'What is promised per record; unless set `exactly-once`, and `transactional` where others write into the target topics, too (the route tells why). `exactly-once`: the target’s own log tells a new owner what is there, nothing comes twice; needs the right to write under transactional ids `causeway.*` at the target, and that nobody else writes into its topics. `transactional`: records and their positions in one transaction of the target, whoever else writes there: for several routes into one topic and for topics with producers of their own; readers must be read_committed, offsets are not dense. `at-least-once`: after a worker’s death up to a second comes again.',
    ),
  start: z
    .enum(['earliest', 'latest'])
    .default('earliest')
    .describe(
      'Where a topic’s present partitions begin when it is added; partitions that appear later always begin at their first record.',
    ),
  isolation: z
    .enum(['read_committed', 'read_uncommitted'])
    .default('read_committed')
    .describe('Whether records of open and aborted source transactions are left out.'),
  targetTopics: z
    .strictObject({
      create: z.boolean().default(true).describe('Create missing target topics and grow short ones.'),
      replicationFactor: z
        .number()
        .int()
        .min(1)
        .max(32)
        .optional()
        .describe(
          'Replication factor of created topics; the source topic’s, at most the number of target brokers, unless set.',
        ),
      shared: z
        .boolean()
        .optional()
        .describe(
          'true: others write into the target topics, too. Not with delivery exactly-once; transactional is for it.',
        ),
    })
    .default({ create: true })
    .describe('What to do about topics at the target.'),
  compression: z
    .enum(['source', 'none', 'gzip', 'snappy', 'lz4', 'zstd'])
    .default('source')
    .describe(
      'Codec of the target’s batches: `source` passes them as they are; any other decodes and compresses anew what differs, to save bytes on a thin link for CPU here.',
    ),
  coalesceBelowBytes: z
    .number()
    .int()
    .min(0)
    .max(1 << 20)
    .optional()
    .describe(
      'Source batches smaller than this are merged while they wait for the target; 0 never. Unless set it follows the target’s round trip: small nearby, larger far away.',
    ),
  onRefusedRecord: z
    .enum(['pause', 'skip', 'dead-letter'])
    .default('pause')
    .describe(
      'What becomes of a single record that the target will never take (larger than its max.message.bytes, no key for a compacted topic, its timestamp refused): the partition pauses, or the record is left out and declared as a gap, or it is also written to deadLetterTopic.',
    ),
  deadLetterTopic: topicName
    .optional()
    .describe('Topic at the target for refused records, with onRefusedRecord dead-letter; created when missing.'),
  continuity: continuity
    .prefault({})
    .describe(
      'What to do when a topic is not what it was: recreated, deleted, truncated, or gone behind the position. Nothing of it is ever passed in silence.',
    ),
  limits: rateLimits.default({}).describe('Upper bounds of what this route copies, over all workers.'),
  zones: z
    .array(zone)
    .min(1)
    .max(16)
    .optional()
    .describe(
      'Zones whose workers copy this route; others only while none of these is there. Unless set: the target cluster’s `zone`.',
    ),
  selection: selectionSettings
    .optional()
    .describe('Topics that are mirrored by their names. Unless set: only those that are added one by one.'),
  rules: recordRules
    .optional()
    .describe(
      'What becomes of single records: dropped, sampled, sent elsewhere, masked ([rules.md](rules.md)). Needs delivery transactional. Unless set they pass as they are.',
    ),
  partitionMapping: partitionMapping.optional(),
  provenance: z
    .boolean()
    .optional()
    .describe(
      'true: each copied record says in headers `causeway.origin.*` where it was produced, and none is copied to a cluster where it has been. Two routes in opposite directions may then share one topic name. Needs delivery transactional.',
    ),
  groups: groupSync
    .optional()
    .describe('Positions of consumer groups at the target. Unless set: they are not kept there.'),
  mm2: mm2.optional().describe('MirrorMaker 2’s own topics. Unless set: none of them.'),
  metadata: z
    .enum(['auto', 'manual'])
    .default('auto')
    .describe(
      '`auto`: target topics and what belongs to them are made and changed as soon as they differ from what they should be. `manual`: only `causeway sync apply` changes anything at the target; what it would do is in the plan.',
    ),
  acls: aclSettings.optional().describe('What to do about ACLs (docs/acls.md). Unless set: nothing.'),
  quotas: quotaMode.optional(),
  users: userMode.optional(),
  schemaIds: schemaIdSettings
    .optional()
    .describe(
      'Exchange the schema ids in front of keys and values for those of the target’s registry, for merge routes whose registries give ids of their own (docs/schemas.md). Needs delivery transactional and a schemaRegistry at both clusters. Unless set: they stay.',
    ),
  schemas: schemaSettings.optional().describe('What to do about schemas (docs/schemas.md). Unless set: nothing.'),
  topicSync: topicSync.prefault({}).describe('How target topics follow the source’s, once they are there.'),
});

export type RouteSettings = z.output<typeof routeSettings>;
