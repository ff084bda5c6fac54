/** What a fault lays its hands on. No two faults are at the same place at the same time. */
export type Place = 'worker' | 'controllers' | 'zookeeper' | 'source' | 'target';

export interface FaultSpec {
  /** One line for the help and the timeline. */
  readonly about: string;
  /** How long it lasts, chosen between these. */
  readonly minMs: number;
  readonly maxMs: number;
  /** `worker`: one of them, by the fault's slot; `source`, `target`: one broker of it. */
  readonly touches: readonly Place[];
  /** At-least-once delivery is not safe against it and says so: left out with --allow-duplicates unless asked for by name. */
  readonly needsFence?: true;
  /** Drawn only where it is asked for by name: an operator has a part in it. */
  readonly byName?: true;
}

const spec = (
  about: string,
  touches: readonly Place[],
  [minMs, maxMs]: readonly [number, number],
  more: Pick<FaultSpec, 'needsFence' | 'byName'> = {},
): FaultSpec => ({ about, touches, minMs, maxMs, ...more });

/** Sessions last 4 s: what is to outlast one lasts longer than this. */
const PAST_SESSION: readonly [number, number] = [6_500, 12_000];
const SHORT: readonly [number, number] = [2_000, 6_000];
const LONG: readonly [number, number] = [5_000, 12_000];

/** Every fault the scheduler may draw. */
export const FAULTS = {
  'kill-worker': spec('SIGKILL to a worker, started again later', ['worker'], LONG),
  'kill-leader': spec('SIGKILL to the leading controller, started again later', ['controllers'], LONG),
  'kill-both': spec('SIGKILL to a worker and the leading controller at once', ['worker', 'controllers'], LONG),
  'kill-worker-and-broker': spec(
    'SIGKILL to a worker, then to a target broker while its partitions are taken over',
    ['worker', 'target'],
    [9_000, 12_000],
  ),
  'stop-worker': spec('SIGSTOP to a worker past its session, then SIGCONT', ['worker'], PAST_SESSION),
  'stop-leader': spec(
    'SIGSTOP to the leading controller past its session, then SIGCONT',
    ['controllers'],
    PAST_SESSION,
  ),
  'replace-stopped-worker': spec(
    'SIGSTOP to a worker, another one started under its id, then SIGCONT',
    ['worker'],
    PAST_SESSION,
  ),
  'bounce-source': spec('a source broker goes (SIGTERM or SIGKILL) and comes back', ['source'], SHORT),
  'bounce-target': spec('a target broker goes (SIGTERM or SIGKILL) and comes back', ['target'], SHORT),
  'hang-source': spec('SIGSTOP to a source broker, then SIGCONT', ['source'], LONG),
  'hang-target': spec('SIGSTOP to a target broker, then SIGCONT', ['target'], LONG),
  'zookeeper-outage': spec(
    'ZooKeeper is killed or stopped, and comes back',
    ['zookeeper', 'controllers'],
    [2_000, 12_000],
  ),
  'cut-worker-source': spec('nothing passes between a worker and the source', ['worker'], LONG),
  'cut-worker-target': spec('nothing passes between a worker and the target', ['worker'], LONG),
  'cut-worker-zookeeper': spec('nothing passes between a worker and ZooKeeper', ['worker'], PAST_SESSION),
  'cut-leader-zookeeper': spec('nothing passes between the leader and ZooKeeper', ['controllers'], PAST_SESSION),
  'lose-produce-answers': spec('answers to Produce are lost: the batches are in doubt', ['worker'], LONG),
  'duplicate-answers': spec('answers of brokers come twice', ['worker'], SHORT),
  'slow-answers': spec('answers to Produce come late', ['worker'], LONG),
  'produce-errors': spec('answers to Produce say a retriable error though the batch was appended', ['worker'], SHORT),
  'fetch-errors': spec('answers to Fetch say a retriable error', ['worker'], SHORT),
  'flip-produce': spec('a bit of a batch changes on its way to the target, which refuses it', ['worker'], SHORT),
  'flip-fetch': spec('a bit of a batch changes on its way from the source', ['worker'], SHORT),
  'throttle-target': spec('the line between a worker and the target becomes thin', ['worker'], LONG),
  'lose-store-answers': spec('answers to writes in ZooKeeper are lost: done or not?', ['worker', 'controllers'], LONG),
  'lose-notifications': spec('ZooKeeper’s watches tell nothing', ['worker', 'controllers'], LONG),
  'late-batches': spec(
    'SIGKILL to a worker whose last batches reach the target after its partitions were taken over',
    ['worker'],
    [12_000, 16_000],
    { needsFence: true },
  ),
  'late-batches-of-stopped': spec(
    'SIGSTOP to a worker past its session, its batches held; it goes on and they arrive after the takeover',
    ['worker'],
    [12_000, 16_000],
    { needsFence: true },
  ),
  'refuse-first-batch': spec(
    'a worker starts anew under fresh producer ids, and the target refuses the first batches of some',
    ['worker'],
    LONG,
  ),
  'zombie-reinitialises': spec(
    'SIGSTOP to a worker past its session; its lanes are asked for their next epoch in its name while they are fenced, and after',
    ['worker'],
    [12_000, 16_000],
    { needsFence: true },
  ),
  'hand-back': spec(
    'a worker gives all its partitions away and is filled again, under the same lane',
    ['worker'],
    LONG,
  ),
  'lose-reports': spec('the same, and every other report of the worker is lost with its connection', ['worker'], LONG),
  'leaderless-in-fence': spec(
    'SIGKILL to a target broker, then to a worker: partitions with one copy have no leader while they are fenced',
    ['worker', 'target'],
    [9_000, 12_000],
  ),
  'coordinator-in-fence': spec(
    'SIGKILL to a worker, then to the coordinator of its lane as soon as the lane is being fenced',
    ['worker', 'target'],
    [9_000, 12_000],
  ),
  'delete-topic-in-fence': spec(
    'a topic is deleted at both sides while the lane that wrote to it is fenced',
    ['worker', 'source', 'target'],
    LONG,
  ),
  'recreate-target': spec(
    'a mirror is deleted and made again, empty: its partitions must say so, or hold everything',
    ['source', 'target'],
    LONG,
  ),
  'wipe-store': spec(
    'every node of the fleet in ZooKeeper is removed; what was exported before is imported',
    ['zookeeper', 'controllers'],
    LONG,
    { byName: true },
  ),
} as const satisfies Record<string, FaultSpec>;

export type FaultKind = keyof typeof FAULTS;

export const FAULT_KINDS = Object.keys(FAULTS) as readonly FaultKind[];

export function isFaultKind(name: string): name is FaultKind {
  return Object.hasOwn(FAULTS, name);
}

export function specOf(kind: FaultKind): FaultSpec {
  return FAULTS[kind];
}
