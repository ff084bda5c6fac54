import { countedRemoval } from '../../common/coordination/counted-removal.js';
import { ANY_VERSION, type CoordinationStore, type StoreOp } from '../../common/coordination/ports.js';
import { decodeDenial, encodeDenial } from '../../common/coordination/records/selection.js';
import { DENIALS, denialPath, denialRoutePath } from '../../common/coordination/znodes.js';
import { isCausewayError } from '../../common/errors/error.js';
import type { Denial } from '../../common/model/selection.js';
import type { Clock } from '../../common/runtime/clock.js';
import { failed } from './etag.js';

/** Topics that operators denied to a route's selection, node by node: a write of one never collides with another's. */
export class DenialStore {
  readonly #store: CoordinationStore;
  readonly #clock: Clock;

  constructor(store: CoordinationStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Denied topics of the route, sorted. */
  async names(route: string): Promise<readonly string[]> {
    return (await this.#store.children(denialRoutePath(route))) ?? [];
  }

  async find(route: string, topic: string): Promise<Denial | undefined> {
    const path = denialPath(route, topic);
    const node = await this.#store.get(path);
    return node === undefined ? undefined : decodeDenial(node.data, path);
  }

  /** What denies the topic; to be written with whatever must happen at the same moment. Undefined: it is denied already. */
  async denying(route: string, topic: string, reason: string): Promise<StoreOp | undefined> {
    const path = denialPath(route, topic);
    if ((await this.#store.get(path)) !== undefined) return undefined;
    for (const parent of [DENIALS, denialRoutePath(route)]) await this.#make(parent, Buffer.alloc(0));
    const at = new Date(this.#clock.wallMs()).toISOString();
    return { type: 'create', path, data: encodeDenial({ route, topic, reason, at }) };
  }

  /** What allows the topic again, as operations of one write; none where it is allowed. */
  async allowing(route: string, topic: string): Promise<readonly StoreOp[]> {
    const path = denialPath(route, topic);
    return (await this.#store.get(path)) === undefined ? [] : countedRemoval(path, ANY_VERSION);
  }

  async deny(route: string, topic: string, reason: string): Promise<void> {
    const op = await this.denying(route, topic, reason);
    if (op?.type === 'create') await this.#make(op.path, op.data);
  }

  async allow(route: string, topic: string): Promise<void> {
    const outcome = await this.#store.multi(countedRemoval(denialPath(route, topic), ANY_VERSION));
    if (!outcome.applied && outcome.code !== 'NODE_MISSING') throw failed('it changed since it was read');
  }

  async #make(path: string, data: Buffer): Promise<void> {
    try {
      await this.#store.create(path, data);
    } catch (error) {
      if (!isCausewayError(error, 'NODE_EXISTS')) throw error;
    }
  }
}
