import type { CoordinationStore } from '../../common/coordination/ports.js';
import { type ControllerRecord, encodeController } from '../../common/coordination/records/control.js';
import { controllerPath } from '../../common/coordination/znodes.js';
import { isCausewayError } from '../../common/errors/error.js';
import type { Logger } from '../../common/observability/logger.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { Closable } from '../../common/runtime/lifecycle.js';
import { Nudge } from '../../common/runtime/nudge.js';

/** A node of an earlier session of ours (or of a twin) may be in the way: look again after this. */
const RETRY_MS = 1_000;
const CHECK_MS = 10_000;

/** Keeps `/controllers/<id>` there for as long as this controller lives, in every new session anew. */
export class ControllerPresence implements Closable {
  readonly #store: CoordinationStore;
  readonly #self: () => ControllerRecord;
  readonly #logger: Logger;
  readonly #nudge: Nudge;
  readonly #unlisten: () => void;
  #closed = false;
  #said = false;
  readonly #running: Promise<void>;

  constructor(store: CoordinationStore, clock: Clock, logger: Logger, self: () => ControllerRecord) {
    this.#store = store;
    this.#self = self;
    this.#logger = logger;
    this.#nudge = new Nudge(clock);
    this.#unlisten = store.onSession(() => this.#nudge.wake());
    this.#running = this.#run();
  }

  /** The record changed: write it again. */
  update(): void {
    this.#nudge.wake();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#unlisten();
    this.#nudge.wake();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#closed) {
      const settled = this.#store.session().state === 'connected' ? await this.#ensure() : true;
      await this.#nudge.wait(settled ? CHECK_MS : RETRY_MS);
    }
    await this.#remove();
  }

  /** True when the node is there as it should be. */
  async #ensure(): Promise<boolean> {
    const self = this.#self();
    const path = controllerPath(self.controller);
    const data = encodeController(self);
    const session = this.#store.session();
    try {
      const node = await this.#store.get(path);
      if (node === undefined) await this.#store.create(path, data, { ephemeralOf: session.generation });
      else if (node.ephemeralOwner !== session.id) return this.#inTheWay();
      else if (!node.data.equals(data)) await this.#store.set(path, data, node.version);
      this.#said = false;
      return true;
    } catch (error) {
      if (!isCausewayError(error)) throw error;
      return false;
    }
  }

  #inTheWay(): boolean {
    if (!this.#said)
      this.#logger.warn('controller.id-taken', {
        detail: 'waiting for the other session of this controller id to end',
      });
    this.#said = true;
    return false;
  }

  async #remove(): Promise<void> {
    const session = this.#store.session();
    if (session.state !== 'connected') return;
    try {
      const path = controllerPath(this.#self().controller);
      const node = await this.#store.get(path);
      if (node?.ephemeralOwner === session.id) await this.#store.remove(path, node.version);
    } catch {
      // The node is ephemeral: it goes with the session.
    }
  }
}
