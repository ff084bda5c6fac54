import { setMaxListeners } from 'node:events';

/** Waiting for one end at once; more would be a leak. */
const MAX_LISTENERS = 1_000;

/** Something with an end. `close` may be called more than once; later calls wait for the first. */
export interface Closable {
  close(): Promise<void>;
}

/** Closes in reverse order of registration; one failure does not keep the others open. */
export class Lifecycle implements Closable {
  readonly #closables: { readonly name: string; readonly item: Closable }[] = [];
  readonly #onError: (name: string, error: unknown) => void;
  #closing: Promise<void> | undefined;

  constructor(onError: (name: string, error: unknown) => void) {
    this.#onError = onError;
  }

  add<T extends Closable>(name: string, item: T): T {
    this.#closables.push({ name, item });
    return item;
  }

  close(): Promise<void> {
    this.#closing ??= this.#closeAll();
    return this.#closing;
  }

  async #closeAll(): Promise<void> {
    for (const { name, item } of this.#closables.reverse()) {
      try {
        await item.close();
      } catch (error) {
        this.#onError(name, error);
      }
    }
  }
}

/** The end of something that many may wait for at once: Node takes more than ten listeners for a leak. */
export function lifetime(): AbortController {
  const end = new AbortController();
  setMaxListeners(MAX_LISTENERS, end.signal);
  return end;
}
