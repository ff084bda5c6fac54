import { connect } from 'node:net';
import type { Clock } from '../../common/runtime/clock.js';

const TIMEOUT_MS = 1_000;

/** `listens`: somebody is there · `refuses`: the machine is there and nobody listens · `unknown`: silence, and whatever else may be. */
export type ProcessAnswer = 'listens' | 'refuses' | 'unknown';

/** Asks whether anybody listens at the address (`http://host:port`) that a process registered. */
export type ProcessProbe = (address: string) => Promise<ProcessAnswer>;

/** Tells whether the process that registered this address is certainly gone. */
export type GoneProbe = (address: string) => Promise<boolean>;

/** One connection, closed at once. */
export function processProbe(clock: Clock): ProcessProbe {
  return (address) => {
    const url = URL.canParse(address) ? new URL(address) : undefined;
    if (url === undefined || url.port === '') return Promise.resolve('unknown');
    const host = url.hostname.replace(/^\[|\]$/g, '');
    return new Promise((resolve) => {
      const socket = connect({ host, port: Number(url.port) });
      const done = (answer: ProcessAnswer): void => {
        timer.cancel();
        socket.destroy();
        resolve(answer);
      };
      const timer = clock.after(TIMEOUT_MS, () => done('unknown'));
      socket.once('connect', () => done('listens'));
      socket.once('error', (error: NodeJS.ErrnoException) =>
        done(error.code === 'ECONNREFUSED' ? 'refuses' : 'unknown'),
      );
    });
  };
}

/** A refused connection: the process is over and with it all its sockets. */
export function connectionRefused(clock: Clock): GoneProbe {
  const probe = processProbe(clock);
  return async (address) => (await probe(address)) === 'refuses';
}
