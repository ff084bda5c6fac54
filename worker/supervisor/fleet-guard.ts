import type { CoordinationStore } from '../../common/coordination/ports.js';
import { decodeEpoch, decodeFleet } from '../../common/coordination/records/control.js';
import { EPOCH, FLEET, LANES, TOPICS, topicsPath } from '../../common/coordination/znodes.js';
import { isCausewayError } from '../../common/errors/error.js';

/**
 * What the store is to this worker. `unborn`: no fleet was ever seen, here or elsewhere. `ours`: the fleet it knows. `damaged`: nodes that
 * every fleet has are gone or unreadable. `older`: the fleet it knows, at an epoch below one it has seen. `other`: another fleet of the same
 * name, `alien`: one of another name.
 */
export type StoreStanding = 'unborn' | 'ours' | 'damaged' | 'older' | 'other' | 'alien';

export interface FleetGuardDeps {
  readonly store: Pick<CoordinationStore, 'get' | 'children'>;
  /** As the configuration calls it. */
  readonly fleet: string;
  /** The highest epoch this process was ruled under; -1 before the first. */
  readonly highestEpoch: () => number;
  /** Another fleet's epochs are not to be compared with those of the one before. */
  readonly forgot: () => void;
}

/**
 * Tells the store this worker belongs to from one that was wiped, restored from an older copy, or is another fleet's (exactly-once.md 7.6). What
 * is gone from such a store was not taken away by a leader, and ends nothing.
 */
export class FleetGuard {
  readonly #deps: FleetGuardDeps;
  #fleetId: string | undefined;

  constructor(deps: FleetGuardDeps) {
    this.#deps = deps;
  }

  /** @throws COORDINATION_UNAVAILABLE and the like */
  async standing(): Promise<StoreStanding> {
    const { store, fleet, highestEpoch } = this.#deps;
    try {
      const node = await store.get(FLEET);
      if (node === undefined) return this.#fleetId === undefined ? 'unborn' : 'damaged';
      const { fleetId, name } = decodeFleet(node.data, FLEET);
      if (name !== undefined && name !== fleet) return 'alien';
      if (this.#fleetId !== undefined && this.#fleetId !== fleetId) return 'other';
      const epoch = await store.get(EPOCH);
      if (epoch === undefined || (await store.get(LANES)) === undefined) return 'damaged';
      if (decodeEpoch(epoch.data, EPOCH).epoch < highestEpoch()) return 'older';
      this.#fleetId = fleetId;
      return 'ours';
    } catch (error) {
      if (isCausewayError(error, 'NODE_CORRUPT')) return 'damaged';
      throw error;
    }
  }

  /** Some route of the fleet in the store has topics: there is something to join it for. */
  async hasWork(): Promise<boolean> {
    const { store } = this.#deps;
    for (const route of (await store.children(TOPICS)) ?? []) {
      if (((await store.children(topicsPath(route))) ?? []).length > 0) return true;
    }
    return false;
  }

  /** From now on the fleet in the store is ours, whichever it is. */
  forget(): void {
    this.#fleetId = undefined;
    this.#deps.forgot();
  }
}
