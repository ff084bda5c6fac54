import { connect } from 'node:net';
import type { Clock } from '../../common/runtime/clock.js';

const TIMEOUT_MS = 1_000;

/** Tells whether the process that registered this address is certainly gone. */
export type GoneProbe = (address: string) => Promise<boolean>;

/**
 * A refused connection: the machine is there and nobody listens, so the process is over and with it all its sockets. Silence, and
 * whatever else may be, proves nothing.
 */
export function connectionRefused(clock: Clock): GoneProbe {
  return (address) => {
    const url = URL.canParse(address) ? new URL(address) : undefined;
    if (url === undefined || url.port === '') return Promise.resolve(false);
    const host = url.hostname.replace(/^\[|\]$/g, '');
    return new Promise((resolve) => {
      const socket = connect({ host, port: Number(url.port) });
      const done = (gone: boolean): void => {
        timer.cancel();
        socket.destroy();
        resolve(gone);
      };
      const timer = clock.after(TIMEOUT_MS, () => done(false));
      socket.once('connect', () => done(false));
      socket.once('error', (error: NodeJS.ErrnoException) => done(error.code === 'ECONNREFUSED'));
    });
  };
}
