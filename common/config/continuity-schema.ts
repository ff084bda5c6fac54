import { z } from 'zod';
import { DEFAULT_CONTINUITY as DEFAULTS } from '../model/continuity.js';

const PAUSE = '`pause`: an operator decides';

/** A route's policies for logs that are not what they were. */
export const continuity = z.strictObject({
  sourceRecreated: z
    .enum(['pause', 'restart'])
    .default(DEFAULTS.sourceRecreated)
    .describe(
      `The source topic was deleted and made anew. ${PAUSE}; \`restart\`: the new topic is copied from its first record, behind what the target has of the old one.`,
    ),
  sourceDeleted: z
    .enum(['wait', 'stop'])
    .default(DEFAULTS.sourceDeleted)
    .describe(
      'The source topic was deleted. `wait`: its partitions are looked for again and again; `stop`: they are taken off their workers until it is there again. What the target has stays.',
    ),
  sourceTruncated: z
    .enum(['pause', 'continue'])
    .default(DEFAULTS.sourceTruncated)
    .describe(
      `The source lost records that were copied already (unclean leader election). ${PAUSE}; \`continue\`: from where its log differs, the stranded copies declared as diverged.`,
    ),
  retentionOverrun: z
    .enum(['pause', 'continue'])
    .default(DEFAULTS.retentionOverrun)
    .describe(
      `The source’s log begins behind the position: retention or DeleteRecords was faster. ${PAUSE}; \`continue\`: at its beginning, what is gone declared as a gap.`,
    ),
  targetRecreated: z
    .enum(['pause', 'restart', 'continue'])
    .default(DEFAULTS.targetRecreated)
    .describe(
      `The target topic was deleted, or made anew. ${PAUSE}, and nothing is created; \`restart\`: copied again from where the route starts; \`continue\`: from the position reached, what the target had declared as a gap. With both a missing topic is created, where targetTopics.create allows it.`,
    ),
  targetTruncated: z
    .enum(['pause', 'continue'])
    .default(DEFAULTS.targetTruncated)
    .describe(
      `The target lost records it had acknowledged (unclean leader election there). ${PAUSE}; \`continue\`: they are copied again.`,
    ),
});
