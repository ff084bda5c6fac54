import { ANY_VERSION, type CoordinationStore, type StoreSession } from '../../common/coordination/ports.js';
import { decodeLiveWorker, encodeLiveWorker } from '../../common/coordination/records/worker.js';
import { livePath } from '../../common/coordination/znodes.js';
import { CausewayError, isCausewayError } from '../../common/errors/error.js';
import type { LiveWorker } from '../../common/model/worker.js';
import type { Logger } from '../../common/observability/logger.js';
import type { Clock } from '../../common/runtime/clock.js';

/** Our own node of the session before may outlive its process by one session timeout; a twin's stays longer. */
const TWIN_PATIENCE_SESSIONS = 3;
const RETRY_MS = 250;

export interface LiveNodeDeps {
  readonly store: CoordinationStore;
  /** As it is to be written now. */
  readonly describe: (incarnation: string) => LiveWorker;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The ephemeral node by which a worker is known to live. */
export class LiveNode {
  readonly #deps: LiveNodeDeps;

  constructor(deps: LiveNodeDeps) {
    this.#deps = deps;
  }

  /** Creates it; false when the signal came first. @throws WORKER_ID_TAKEN: another process holds it for good */
  async register(session: StoreSession, incarnation: string, signal: AbortSignal): Promise<boolean> {
    const { store, clock, logger } = this.#deps;
    const { worker, path, data } = this.#written(incarnation);
    const patienceUntilMs = clock.monotonicMs() + TWIN_PATIENCE_SESSIONS * store.sessionTimeoutMs;
    let told = false;
    while (!signal.aborted) {
      try {
        await store.create(path, data, { ephemeralOf: session.generation });
        return true;
      } catch (error) {
        if (!isCausewayError(error, 'NODE_EXISTS')) throw error;
      }
      const present = await store.get(path);
      if (present?.ephemeralOwner === session.id) {
        // Left by the incarnation given up a moment ago, in the same session.
        await store.remove(path, present.version);
        continue;
      }
      if (clock.monotonicMs() > patienceUntilMs) throw twin(worker, path);
      if (!told) logger.info('worker.waiting-for-id', { worker });
      told = true;
      await clock.sleep(RETRY_MS, signal);
    }
    return false;
  }

  /** For an incarnation that goes on in another session: its node of the one before may still be there. False when somebody else has the id. */
  async registerAgain(session: StoreSession, incarnation: string): Promise<boolean> {
    const { store } = this.#deps;
    const { path, data } = this.#written(incarnation);
    const present = await store.get(path);
    if (present !== undefined && decodeLiveWorker(present.data, path).incarnation !== incarnation) return false;
    if (present?.ephemeralOwner === session.id) return true;
    if (present !== undefined) await store.remove(path, present.version);
    await store.create(path, data, { ephemeralOf: session.generation });
    return true;
  }

  async isThere(incarnation: string): Promise<boolean> {
    return (await this.#deps.store.get(this.#written(incarnation).path)) !== undefined;
  }

  /** Somebody removed it while the session goes on. */
  async restore({ generation }: StoreSession, incarnation: string): Promise<void> {
    const { path, data } = this.#written(incarnation);
    await this.#deps.store.create(path, data, { ephemeralOf: generation });
  }

  /** What it says of the worker is another than before. */
  async update(incarnation: string): Promise<void> {
    const { path, data } = this.#written(incarnation);
    await this.#deps.store.set(path, data, ANY_VERSION);
  }

  /** @returns ends it */
  watch(incarnation: string, onHint: () => void): () => void {
    return this.#deps.store.watch(this.#written(incarnation).path, onHint);
  }

  #written(incarnation: string): { readonly worker: string; readonly path: string; readonly data: Buffer } {
    const node = this.#deps.describe(incarnation);
    return { worker: node.worker, path: livePath(node.worker), data: encodeLiveWorker(node) };
  }
}

function twin(worker: string, path: string): CausewayError {
  return new CausewayError('WORKER_ID_TAKEN', `worker ${worker} is alive in another process`, {
    place: { worker, path },
    fix: 'Give every worker of the fleet its own worker.id.',
  });
}
