import type { EvidenceRow } from '../../../common/model/recovery.js';
import { sumOf } from '../../core/recovery-rpo.js';
import type { StepOutcome } from '../../core/recovery-state.js';
import type { StepContext, StepHandler } from '../ports.js';

const MAX_ROWS = 200;
const PATIENCE_MS = 30_000;
/** Within this long the leader has looked at a topic that was just added. */
const NEW_TOPIC_MS = 3_000;

/** What would be lost if the source were lost now, from what workers told last: the source itself is not asked. */
export const rpo: StepHandler = {
  look: (context) => Promise.resolve(measure(context)),
  run: (context) => Promise.resolve(measure(context)),
};

function measure({ recovery, step, world, elapsedMs }: StepContext): StepOutcome {
  const route = step.leg === 'out' ? recovery.route : (recovery.reverse ?? recovery.route);
  const picture = world.rpo.picture(route);
  if (picture === undefined) {
    // A leader that has just begun has not looked yet; a failover does not wait for it for ever.
    if (elapsedMs > PATIENCE_MS) return { kind: 'skipped', message: 'the workers cannot be asked: nothing is known' };
    return { kind: 'again', message: 'the leader has not asked the workers yet' };
  }
  const { now, contactMs, p99Records, p99Seconds, known } = picture;
  const wanted = new Set(recovery.topics);
  const ends = known.filter(({ topic }) => wanted.has(topic));
  const topics = now.topics.filter(({ topic }) => wanted.has(topic));
  const unseen = wanted.size - topics.length;
  if (unseen > 0 && elapsedMs < NEW_TOPIC_MS) {
    return { kind: 'again', message: `the leader has not looked at ${unseen} topics yet` };
  }
  // A topic that was taken off its workers before (the program is tried again) is not among them.
  const { records, seconds } = unseen === 0 ? sumOf(topics) : { records: null, seconds: null };
  const unknownPartitions = topics.reduce((sum, { unknown }) => sum + unknown, unseen);
  const rows: readonly EvidenceRow[] = topics.map((row) => ({ ...row }));
  const knownAt = contactMs === undefined ? null : new Date(contactMs).toISOString();
  const silentSeconds =
    contactMs === undefined ? null : Math.max(0, Math.round((world.clock.wallMs() - contactMs) / 1000));
  const evidence = {
    ...{ records, seconds, unknownPartitions, p99Records, p99Seconds, knownAt, silentSeconds },
    rows: rows.slice(0, MAX_ROWS),
  };
  return { kind: 'done', evidence, facts: { known: ends, ...(knownAt === null ? {} : { knownAt }) } };
}
