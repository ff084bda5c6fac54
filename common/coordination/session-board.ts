import { CausewayError } from '../errors/error.js';
import type { StoreSession } from './ports.js';

/** Where a store announces its session and callers wait for it; shared by all stores. */
export class SessionBoard {
  #session: StoreSession = { state: 'connecting', generation: 0, id: 0n, leaseUntilMs: 0 };
  #closed = false;
  readonly #listeners = new Set<(session: StoreSession) => void>();
  readonly #onClose = new Set<() => void>();
  readonly #onListenerError: (error: unknown) => void;

  constructor(onListenerError: (error: unknown) => void) {
    this.#onListenerError = onListenerError;
  }

  get session(): StoreSession {
    return this.#session;
  }

  /** Tells the listeners if state or generation changed; a moved lease alone is not news. */
  publish(session: StoreSession): void {
    const before = this.#session;
    this.#session = session;
    if (before.state === session.state && before.generation === session.generation) return;
    for (const listener of [...this.#listeners]) {
      // A listener that throws must not end up in a socket's handler.
      try {
        listener(session);
      } catch (error) {
        this.#onListenerError(error);
      }
    }
  }

  onSession(listener: (session: StoreSession) => void): () => void {
    const own = (session: StoreSession): void => listener(session);
    this.#listeners.add(own);
    return () => {
      this.#listeners.delete(own);
    };
  }

  ready(signal?: AbortSignal): Promise<void> {
    if (this.#session.state === 'connected') return Promise.resolve();
    return new Promise((resolve, reject) => {
      const end = (error?: CausewayError): void => {
        stop();
        this.#onClose.delete(abandon);
        signal?.removeEventListener('abort', abandon);
        if (error === undefined) resolve();
        else reject(error);
      };
      const abandon = (): void =>
        end(new CausewayError('COORDINATION_UNAVAILABLE', 'not connected to the coordination store'));
      const stop = this.onSession((session) => {
        if (session.state === 'connected') end();
      });
      this.#onClose.add(abandon);
      signal?.addEventListener('abort', abandon, { once: true });
      if (this.#closed || signal?.aborted) abandon();
    });
  }

  /** Rejects everybody who waits, now and later. */
  close(): void {
    this.#closed = true;
    for (const abandon of [...this.#onClose]) abandon();
  }
}
