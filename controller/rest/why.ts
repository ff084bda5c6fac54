import type { PartitionView, TopicDetail, WorkerView } from '../../common/api/fleet-shapes.js';
import type { CheckView, WhyView } from '../../common/api/why-shapes.js';
import { assertNever } from '../../common/errors/assert.js';
import type { PartitionState } from '../../common/model/status.js';

/** Behind by more than this many seconds at the present rate is worth a word. */
const LAG_WORTH_TELLING_S = 10;

export interface WhyFacts {
  readonly partition: number;
  /** The topic with its partitions, as far as anybody knows. */
  readonly detail: TopicDetail;
  /** The controller that leads; null: none. */
  readonly leader: string | null;
  /** Living workers. */
  readonly workers: readonly WorkerView[];
}

/** A check, and whether what follows can be looked at. */
interface Looked {
  readonly check: CheckView;
  readonly goOn: boolean;
}

/** Looks at everything that has to be right for a partition to be copied, from the order to mirror it down to its lag. */
export function why(facts: WhyFacts): WhyView {
  const { detail, partition } = facts;
  const checks: CheckView[] = [];
  for (const look of LOOKS) {
    const looked = look(facts);
    if (looked === undefined) continue;
    checks.push(looked.check);
    if (!looked.goOn) break;
  }
  const first =
    checks.find(({ verdict }) => verdict === 'fault') ??
    checks.find(({ verdict }) => verdict === 'unknown') ??
    checks.find(({ verdict }) => verdict === 'busy');
  return {
    route: detail.route,
    topic: detail.topic,
    partition,
    verdict: first?.verdict ?? 'ok',
    summary: first?.evidence ?? checks.at(-1)?.evidence ?? '',
    checks,
  };
}

type Look = (facts: WhyFacts) => Looked | undefined;

const LOOKS: readonly Look[] = [orders, planned, assigned, answering, state, stall, limits, gaps, lag];

function orders({ detail, partition }: WhyFacts): Looked {
  if (detail.retired !== undefined) {
    const message = `recovery program ${detail.retired} took the topic off its workers`;
    return fault('orders', message, `See "causeway recovery describe ${detail.retired}".`);
  }
  if (detail.paused) {
    return fault('orders', 'an operator paused the topic', `Run "causeway topic resume ${detail.topic}".`);
  }
  if (detail.excluded.includes(partition)) {
    return fault('orders', 'an operator excluded the partition', `See "causeway topic exclusions ${detail.topic}".`);
  }
  return fine('orders', 'the topic is to be mirrored, nobody paused or excluded it');
}

function planned({ detail, leader }: WhyFacts): Looked {
  const [problem] = detail.problems;
  if (problem !== undefined) {
    // Partitions that are with a worker are copied in spite of what holds up the others.
    return { ...fault('plan', `${problem.code}: ${problem.message}`, 'The message says what is missing.'), goOn: true };
  }
  if (leader !== null) return fine('plan', `controller ${leader} leads and knows of nothing against it`);
  const evidence = 'no controller leads: what is copied goes on, nothing new is given out';
  return {
    check: { check: 'plan', verdict: 'unknown', evidence, fix: 'Start a controller, or see its log.' },
    goOn: true,
  };
}

function assigned(facts: WhyFacts): Looked {
  const worker = placeOf(facts)?.worker;
  if (worker !== undefined && worker !== null) return fine('worker', `it is with worker ${worker}`);
  const { length } = facts.workers;
  const evidence = length === 0 ? 'there is no worker' : `none of the ${length} workers has it (yet)`;
  return fault('worker', evidence, length === 0 ? 'Start a worker.' : 'See "causeway plan" for what is under way.');
}

function answering(facts: WhyFacts): Looked {
  const name = placeOf(facts)?.worker;
  const worker = facts.workers.find((candidate) => candidate.worker === name);
  if (worker === undefined) {
    return fault('worker alive', `worker ${name} is gone`, 'Wait: the leader gives its partitions to others.');
  }
  if (placeOf(facts)?.state !== 'unknown') return fine('worker alive', `it answers at ${worker.http}`);
  const evidence =
    worker.threads === null
      ? `it lives and does not answer at ${worker.http}`
      : 'it answers and has not taken the partition up yet';
  const fix = 'See its log; it may be busy, or not reachable from here.';
  return { check: { check: 'worker alive', verdict: 'unknown', evidence, fix }, goOn: false };
}

function state(facts: WhyFacts): Looked | undefined {
  const place = placeOf(facts);
  if (place === undefined) return undefined;
  const { reason } = place;
  const evidence = reason === null ? place.state : `${place.state}: ${reason.code}: ${reason.message}`;
  const name = place.state as PartitionState;
  switch (name) {
    case 'running':
      return fine('state', evidence);
    case 'stalled':
      return undefined;
    case 'paused':
      return fault(
        'state',
        evidence,
        `When it is mended, run "causeway topic pause" and "resume" for ${facts.detail.topic}.`,
      );
    case 'backing-off':
      return { ...fault('state', evidence, 'It is tried again by itself; see the reason.'), goOn: true };
    case 'starting':
    case 'declaring-gap':
    case 'draining':
      return busy('state', evidence);
    default:
      return assertNever(name, 'state of a partition');
  }
}

function stall(facts: WhyFacts): Looked | undefined {
  const blocked = placeOf(facts)?.stall;
  if (blocked === undefined || blocked === null) return fine('movement', 'nothing is known to block it');
  const { code, message, since, fix } = blocked;
  return fault('movement', `nothing has moved since ${since}: ${code}: ${message}`, fix);
}

function limits(facts: WhyFacts): Looked | undefined {
  const scope = placeOf(facts)?.throttledBy;
  if (scope === undefined || scope === null) return fine('limits', 'no rate limit holds it back');
  return busy('limits', `the rate limit of the ${scope} holds it back`);
}

/** Loss that is declared is no fault, but nobody should overlook it. */
function gaps(facts: WhyFacts): Looked | undefined {
  const records = placeOf(facts)?.gapRecords ?? null;
  if (records === null) return undefined;
  if (records === 0) return fine('gaps', 'nothing was left out since its worker took it up');
  return fine(
    'gaps',
    `${records} source records were left out since its worker took it up; the fleet’s gap topic says which`,
  );
}

function lag(facts: WhyFacts): Looked | undefined {
  const place = placeOf(facts);
  if (place === undefined || place.lagRecords === null) return undefined;
  const { lagRecords, recordsPerS } = place;
  if (lagRecords === 0) return fine('lag', 'it has copied all there is');
  const rate = recordsPerS ?? 0;
  const leftS = rate > 0 ? lagRecords / rate : Number.POSITIVE_INFINITY;
  const evidence = `${lagRecords} records behind, at ${rate} records/s`;
  return leftS <= LAG_WORTH_TELLING_S ? fine('lag', evidence) : busy('lag', evidence);
}

function placeOf({ detail, partition }: WhyFacts): PartitionView | undefined {
  return detail.partitions.find((candidate) => candidate.partition === partition);
}

function fine(check: string, evidence: string): Looked {
  return { check: { check, verdict: 'ok', evidence, fix: null }, goOn: true };
}

function busy(check: string, evidence: string): Looked {
  return { check: { check, verdict: 'busy', evidence, fix: null }, goOn: true };
}

function fault(check: string, evidence: string, fix: string): Looked {
  return { check: { check, verdict: 'fault', evidence, fix }, goOn: false };
}
