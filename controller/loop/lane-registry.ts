import { z } from 'zod';
import type { CoordinationStore } from '../../common/coordination/ports.js';
import { decodeRecord, encodeRecord } from '../../common/coordination/records/codec.js';
import { decodeLiveWorker } from '../../common/coordination/records/worker.js';
import { LANES, LIVE, livePath } from '../../common/coordination/znodes.js';
import { CausewayError, isCausewayError } from '../../common/errors/error.js';
import { mapLimited } from '../../common/runtime/map-limited.js';

const READ_CONCURRENCY = 64;

const registryRecord = z.object({ cleared: z.array(z.string()) });

/** Who is responsible for which lane, and where lanes that nobody is responsible for have been looked for. */
export interface LaneRegistry {
  /** The registry has been there ever since the target's lanes were compared with it. */
  isCleared(target: string): Promise<boolean>;
  noteCleared(target: string): Promise<void>;
  /** Says of a lane whether its node is there, or its incarnation lives. */
  known(): Promise<(lane: { readonly transactionalId: string; readonly incarnation: string }) => boolean>;
}

/**
 * The registry in the store. The parent of the lane nodes names the targets at which all lanes were accounted for: it goes with them when the
 * store is wiped, and whoever finds it without a target's name has to look there first (exactly-once.md 7.6).
 */
export class StoredLaneRegistry implements LaneRegistry {
  readonly #store: CoordinationStore;

  constructor(store: CoordinationStore) {
    this.#store = store;
  }

  async isCleared(target: string): Promise<boolean> {
    return (await this.#read()).cleared.has(target);
  }

  /** @throws BAD_VERSION: somebody else noted something at the same moment */
  async noteCleared(target: string): Promise<void> {
    const { cleared, version } = await this.#read();
    if (cleared.has(target)) return;
    const names = [...cleared, target].sort();
    await this.#store.set(LANES, encodeRecord({ cleared: names }, { gzip: false }), version);
  }

  async known(): Promise<(lane: { readonly transactionalId: string; readonly incarnation: string }) => boolean> {
    // Whoever lives first: a lane's node is written after its worker's.
    const workers = (await this.#store.children(LIVE)) ?? [];
    const living = await mapLimited(workers, READ_CONCURRENCY, async (worker) => {
      const node = await this.#store.get(livePath(worker));
      return node === undefined ? undefined : incarnationOf(node.data, livePath(worker));
    });
    const incarnations = new Set(living);
    const lanes = new Set(await this.#store.children(LANES));
    return ({ transactionalId, incarnation }) => lanes.has(transactionalId) || incarnations.has(incarnation);
  }

  async #read(): Promise<{ readonly cleared: ReadonlySet<string>; readonly version: number }> {
    const node = await this.#store.get(LANES);
    if (node === undefined) {
      throw new CausewayError('STORE_DAMAGED', 'the registry of lanes is gone', { place: { path: LANES } });
    }
    // Made just now, or by a version that knew nothing of this.
    if (node.data.length === 0) return { cleared: new Set(), version: node.version };
    try {
      return { cleared: new Set(decodeRecord(registryRecord, node.data, LANES).cleared), version: node.version };
    } catch (error) {
      // Looking once more costs little.
      if (!isCausewayError(error, 'NODE_CORRUPT')) throw error;
      return { cleared: new Set(), version: node.version };
    }
  }
}

function incarnationOf(data: Buffer, path: string): string | undefined {
  try {
    return decodeLiveWorker(data, path).incarnation;
  } catch (error) {
    if (isCausewayError(error, 'NODE_CORRUPT')) return undefined;
    throw error;
  }
}
