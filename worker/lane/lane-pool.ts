import { CausewayError } from '../../common/errors/error.js';
import { type LaneRecord, laneTransactionalId, MAX_PARTITIONS_PER_LANE } from '../../common/model/worker.js';
import { Lane } from './lane.js';

/** More lanes than this in one incarnation means a loop of deaths, not a load. */
const MAX_LANES_PER_POOL = 1_000;

export interface LanePoolDeps {
  readonly fleet: string;
  readonly worker: string;
  readonly incarnation: string;
  readonly target: string;
  /** This worker's own HTTP address. */
  readonly http: string;
  /** Numbers unique within the incarnation, over all threads. */
  readonly nextIndex: () => number;
  /** FindCoordinator, then a bare InitProducerId: once per id (exactly-once.md 2.3, 2.5). */
  readonly initProducer: (
    transactionalId: string,
  ) => Promise<{ readonly producerId: bigint; readonly producerEpoch: number }>;
  /** Resolves when the lane's persistent node is written; nothing is produced before (2.2). */
  readonly register: (lane: LaneRecord) => Promise<void>;
  readonly isoNow: () => string;
  readonly monotonicMs: () => number;
}

/** The lanes of one thread for one target cluster; makes a new one when those it has are full or dead. */
export class LanePool {
  readonly #deps: LanePoolDeps;
  readonly #lanes: Lane[] = [];
  #opening: Promise<Lane> | undefined;

  constructor(deps: LanePoolDeps) {
    this.#deps = deps;
  }

  get lanes(): readonly Lane[] {
    return this.#lanes;
  }

  /** The lane is one of these, and alive. */
  owns({ transactionalId, producerId }: Pick<LaneRecord, 'transactionalId' | 'producerId'>): boolean {
    return this.#lanes.some(
      ({ dead, record }) => !dead && record.transactionalId === transactionalId && record.producerId === producerId,
    );
  }

  /**
   * A lane with room for the target partition; the partition has joined it. A partition that rode a living lane before returns to it.
   * @param avoid lanes this partition must not use again
   */
  async laneFor(targetKey: string, avoid: ReadonlySet<Lane> = new Set()): Promise<Lane> {
    for (;;) {
      const open = this.#lanes.find((lane) => isOpen(lane) && !avoid.has(lane) && lane.size < MAX_PARTITIONS_PER_LANE);
      if (open !== undefined) {
        open.join(targetKey);
        return open;
      }
      await this.#another();
    }
  }

  /** Lanes of these whose log in the target partition has to be closed before anybody goes on there. */
  doubted(targetKey: string): readonly Lane[] {
    return this.#lanes.filter((lane) => lane.isDoubted(targetKey));
  }

  /** Any lane that was not refused yet: for what is asked in this incarnation's name. */
  async living(): Promise<Lane> {
    for (;;) {
      const living = this.#lanes.find(isOpen);
      if (living !== undefined) return living;
      await this.#another();
    }
  }

  async #another(): Promise<void> {
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined;
    });
    await this.#opening;
  }

  async #open(): Promise<Lane> {
    const sinceMs = this.#deps.monotonicMs();
    const lane = new Lane(await openLane(this.#deps, this.#lanes.length));
    lane.confirmed(sinceMs);
    this.#lanes.push(lane);
    return lane;
  }
}

function isOpen(lane: Lane): boolean {
  return !lane.dead && !lane.retired;
}

/**
 * A new producer identity, known to the target and written into the store.
 * @param before how many this incarnation has had
 * @throws LANE_DEAD, and what the target and the store throw
 */
export async function openLane(deps: LanePoolDeps, before: number): Promise<LaneRecord> {
  const { fleet, worker, incarnation, target, http } = deps;
  if (before >= MAX_LANES_PER_POOL) {
    throw new CausewayError('LANE_DEAD', `${before} producer identities were used up in one incarnation`, {
      place: { cluster: target, worker },
      fix: 'Find out who fences this worker’s transactional ids; then restart it.',
    });
  }
  const index = deps.nextIndex();
  const transactionalId = laneTransactionalId(fleet, worker, incarnation, index);
  const { producerId, producerEpoch } = await deps.initProducer(transactionalId);
  const createdAt = deps.isoNow();
  const record: LaneRecord = {
    transactionalId,
    worker,
    incarnation,
    index,
    target,
    producerId,
    producerEpoch,
    state: 'active',
    http,
    createdAt,
  };
  await deps.register(record);
  return record;
}
