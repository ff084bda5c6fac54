import { CausewayError, isCausewayError } from '../../common/errors/error.js';
import type { LoadedCheckpoint } from '../../common/kafka/checkpoints/checkpoint-store.js';
import type { LaneFence } from '../../common/kafka/fencing/fence-lane.js';
import type { LaneIdentity } from '../../common/kafka/fencing/fencing-client.js';
import type { Checkpoint } from '../../common/model/checkpoint.js';
import { GatheredFences, type GatheredFencesDeps } from '../partition/gathered-fences.js';
import type { MirroredPartition } from '../partition/mirrored-partition.js';
import type { TargetSide } from '../thread/target-side.js';

/** Owners that took over from each other between our question and our fence. */
const MAX_ROUNDS = 5;
/** Lanes remembered as fenced; whichever is forgotten is fenced again. */
const MAX_REMEMBERED = 1_000;

export interface CommittedPositionsDeps extends GatheredFencesDeps {
  readonly target: (
    partition: MirroredPartition,
  ) => Pick<TargetSide, 'client' | 'lanes' | 'transactions' | 'checkpointStore'>;
}

/**
 * Where partitions of a transactional route continue: their committed position is the truth, once whoever committed it can commit no more.
 * InitProducerId alone sees to that (exactly-once.md section 1): it ends the open transaction, and every request of a transaction names
 * the epoch. So: fence first, then read what is stable.
 */
export class CommittedPositions {
  readonly #deps: CommittedPositionsDeps;
  readonly #fences: GatheredFences;
  /** Fences that were seen to hold, or are under way: a lane that is fenced commits nothing any more, whichever group asks. */
  readonly #known = new Map<string, Promise<LaneFence>>();

  constructor(deps: CommittedPositionsDeps) {
    this.#deps = deps;
    this.#fences = new GatheredFences(deps);
  }

  /** By target partition; those whose last owner cannot be fenced yet have that as their failure. @param partitions of one route and target */
  async load(partitions: readonly MirroredPartition[]): Promise<Map<string, LoadedCheckpoint>> {
    const [first] = partitions;
    if (first === undefined) return new Map();
    const target = this.#deps.target(first);
    /** Lanes that were dealt with, with the reason where they may still write. */
    const closed = new Map<string, CausewayError | undefined>();
    const places = partitions.map(({ place }) => place);
    // Whose transaction is open is told by the one before: it has to be ended before anything stable can be read.
    let loaded = await target.checkpointStore.loadTransactional(places, false);
    for (let round = 0; round < MAX_ROUNDS; round += 1) {
      const lanes = lanesOf(partitions, loaded);
      const open = [...lanes.values()].filter((lane) => !closed.has(keyOf(lane)) && !target.transactions.owns(lane));
      if (open.length === 0 && round > 0) return withFaults(partitions, loaded, closed);
      for (const [key, fault] of await this.#closeAll(target, open)) closed.set(key, fault);
      loaded = await target.checkpointStore.loadTransactional(places);
    }
    throw new CausewayError('LANE_DEAD', `a partition changed hands ${MAX_ROUNDS} times while it was taken over`);
  }

  async #closeAll(
    target: ReturnType<CommittedPositionsDeps['target']>,
    lanes: readonly LaneIdentity[],
  ): Promise<readonly (readonly [string, CausewayError | undefined])[]> {
    return Promise.all(
      lanes.map(async (lane) => {
        try {
          const fence = await this.#fence(target, lane);
          return [keyOf(lane), isClosed(fence) ? undefined : stillEnding(lane)] as const;
        } catch (error) {
          if (!isCausewayError(error) || this.#deps.signal.aborted) throw error;
          return [keyOf(lane), error] as const;
        }
      }),
    );
  }

  /** Once for all groups that name it. */
  #fence(target: ReturnType<CommittedPositionsDeps['target']>, lane: LaneIdentity): Promise<LaneFence> {
    const key = `${target.client.cluster.name}/${keyOf(lane)}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const fencing = this.#fences.fence(target, lane, []);
    this.#known.set(key, fencing);
    const [oldest] = this.#known.keys();
    if (this.#known.size > MAX_REMEMBERED && oldest !== undefined) this.#known.delete(oldest);
    const forget = (): void => {
      if (this.#known.get(key) === fencing) this.#known.delete(key);
    };
    // What came of it its callers hear.
    fencing.then((fence) => isClosed(fence) || forget(), forget);
    return fencing;
  }
}

/** An id that was forgotten had no transaction open, and is nobody's under its former producer id any more. */
function isClosed(fence: LaneFence): boolean {
  return fence.kind === 'fenced' || (fence.kind === 'not-fenced' && fence.reason === 'other-producer-id');
}

/** The lanes by which these were committed, but for those that have let go. */
function lanesOf(
  partitions: readonly MirroredPartition[],
  loaded: ReadonlyMap<string, LoadedCheckpoint>,
): Map<string, Checkpoint['lane']> {
  const lanes = new Map<string, Checkpoint['lane']>();
  for (const { item, targetKey } of partitions) {
    const one = loaded.get(targetKey);
    if (one?.kind !== 'found' || one.checkpoint.released || one.checkpoint.timeline !== item.timeline) continue;
    lanes.set(keyOf(one.checkpoint.lane), one.checkpoint.lane);
  }
  return lanes;
}

function withFaults(
  partitions: readonly MirroredPartition[],
  loaded: Map<string, LoadedCheckpoint>,
  closed: ReadonlyMap<string, CausewayError | undefined>,
): Map<string, LoadedCheckpoint> {
  for (const { targetKey } of partitions) {
    const one = loaded.get(targetKey);
    if (one?.kind !== 'found' || one.checkpoint.released) continue;
    const error = closed.get(keyOf(one.checkpoint.lane));
    if (error !== undefined) loaded.set(targetKey, { kind: 'failed', error });
  }
  return loaded;
}

function keyOf({ transactionalId, producerId }: LaneIdentity): string {
  return `${transactionalId}/${producerId}`;
}

function stillEnding({ transactionalId }: LaneIdentity): CausewayError {
  return new CausewayError('LANE_DEAD', `the last transaction of ${transactionalId} has not ended yet`, {
    fix: 'It waits for a partition without a leader; it is tried again.',
  });
}
