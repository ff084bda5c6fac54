import type { CausewayError } from '../../errors/error.js';
import type { BrokerConnection } from './connection.js';

/** Keeps one connection: opened when first asked for, again when it closed; concurrent callers share the attempt. */
export class ConnectionSlot {
  readonly #open: () => Promise<BrokerConnection>;
  #current: BrokerConnection | undefined;
  #opening: Promise<BrokerConnection> | undefined;

  constructor(open: () => Promise<BrokerConnection>) {
    this.#open = open;
  }

  get(): Promise<BrokerConnection> {
    const current = this.#current;
    if (current !== undefined && current.closedError === undefined) return Promise.resolve(current);
    this.#opening ??= this.#replace();
    return this.#opening;
  }

  /** A connection that is being opened is closed by whoever opens it. */
  close(error: CausewayError): void {
    this.#current?.close(error);
  }

  async #replace(): Promise<BrokerConnection> {
    try {
      const fresh = await this.#open();
      this.#current = fresh;
      return fresh;
    } finally {
      this.#opening = undefined;
    }
  }
}
