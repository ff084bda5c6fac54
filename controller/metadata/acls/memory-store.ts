import type { CoordinationStore } from '../../../common/coordination/ports.js';
import { decodeRightsMemory, encodeRightsMemory } from '../../../common/coordination/records/rights.js';
import { rightsPath } from '../../../common/coordination/znodes.js';
import { isCausewayError } from '../../../common/errors/error.js';
import { MAX_REMEMBERED_RIGHTS, type RightsMemory } from '../../../common/model/rights-memory.js';
import type { Route } from '../../../common/model/route.js';

/** Somebody else writes it only while leaders change, or an operator applies. */
const ATTEMPTS = 5;

/** What routes have set at their targets, in the store: a compare-and-set each. */
export class MemoryStore {
  readonly #store: CoordinationStore;

  constructor(store: CoordinationStore) {
    this.#store = store;
  }

  async read(route: Pick<Route, 'name' | 'target'>): Promise<RightsMemory> {
    return (await this.#find(route)).memory;
  }

  /**
   * Replaces what is remembered. Called before something is granted (a crash in between leaves a claim to what is not there, which
   * does no harm) and after something was taken back.
   */
  async update(
    route: Pick<Route, 'name' | 'target'>,
    change: (memory: RightsMemory) => Pick<RightsMemory, 'acls' | 'quotas'>,
  ): Promise<void> {
    const path = rightsPath(route.name);
    for (let attempt = 1; ; attempt += 1) {
      const { memory, version } = await this.#find(route);
      const { acls, quotas } = change(memory);
      const next = {
        ...memory,
        acls: acls.slice(0, MAX_REMEMBERED_RIGHTS),
        quotas: quotas.slice(0, MAX_REMEMBERED_RIGHTS),
      };
      if (JSON.stringify(next) === JSON.stringify(memory)) return;
      try {
        if (version === undefined) await this.#store.create(path, encodeRightsMemory(next));
        else await this.#store.set(path, encodeRightsMemory(next), version);
        return;
      } catch (error) {
        const isRace = isCausewayError(error, 'BAD_VERSION') || isCausewayError(error, 'NODE_EXISTS');
        if (!isRace || attempt === ATTEMPTS) throw error;
      }
    }
  }

  async #find({
    name,
    target,
  }: Pick<Route, 'name' | 'target'>): Promise<{ memory: RightsMemory; version: number | undefined }> {
    const path = rightsPath(name);
    const empty: RightsMemory = { route: name, target, acls: [], quotas: [] };
    const node = await this.#store.get(path);
    if (node === undefined) return { memory: empty, version: undefined };
    const memory = decodeRightsMemory(node.data, path);
    return { memory: memory.target === target ? memory : empty, version: node.version };
  }
}
