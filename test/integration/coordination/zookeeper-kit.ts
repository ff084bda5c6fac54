import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import type { CoordinationStore } from '../../../common/coordination/ports.js';
import { openZooKeeperStore, type ZooKeeperStoreOptions } from '../../../common/coordination/zookeeper/store.js';
import type { LogFields, Logger } from '../../../common/observability/logger.js';
import { systemClock } from '../../../common/runtime/clock.js';
import { systemRandom } from '../../../common/runtime/random.js';

/** For tests that wait for the end of a session; long enough for a busy machine not to end it by itself. */
export const SHORT_SESSION_MS = 3_000;
/** For all others. */
const SESSION_MS = 10_000;

export interface LogLine {
  readonly level: string;
  readonly event: string;
  readonly fields: LogFields;
}

/** A logger that keeps what it was told. */
export class MemoryLogger implements Logger {
  readonly lines: LogLine[] = [];
  debug = (event: string, fields: LogFields = {}): void => this.#keep('debug', event, fields);
  info = (event: string, fields: LogFields = {}): void => this.#keep('info', event, fields);
  warn = (event: string, fields: LogFields = {}): void => this.#keep('warn', event, fields);
  error = (event: string, fields: LogFields = {}): void => this.#keep('error', event, fields);
  child = (): Logger => this;
  setLevel = (): void => undefined;

  count(event: string): number {
    return this.lines.filter((line) => line.event === event).length;
  }

  #keep(level: string, event: string, fields: LogFields): void {
    this.lines.push({ level, event, fields });
  }
}

export type TestStoreOptions = Partial<ZooKeeperStoreOptions> & { readonly connect: string };

export function openStore(options: TestStoreOptions): CoordinationStore {
  return openZooKeeperStore({
    root: '/causeway',
    sessionTimeoutMs: SESSION_MS,
    clock: systemClock,
    random: systemRandom,
    logger: new MemoryLogger(),
    operationTimeoutMs: 10_000,
    ...options,
  });
}

export const uniqueRoot = (): string => `/causeway-${randomUUID().slice(0, 8)}/fleet`;

/** Ends a session at the server behind its owner's back: takes it over by id and password on another connection and closes it. */
export async function expireSession(server: string, store: CoordinationStore): Promise<void> {
  const { id } = store.session();
  const [host = '', port = ''] = server.split(':');
  const socket = connect({ host, port: Number(port) });
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.once('close', () => resolve());
    socket.once('data', (answer) => {
      if (answer.readInt32BE(8) <= 0) reject(new Error('the session was not there to be expired'));
      socket.write(frame([int32(1), int32(-11)]));
    });
    socket.once('connect', () => {
      const session = Buffer.alloc(8);
      session.writeBigInt64BE(id);
      const password = passwordOf(id);
      socket.write(frame([int32(0), Buffer.alloc(8), int32(SESSION_MS), session, int32(password.length), password]));
    });
  });
}

function frame(parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([int32(body.length), body]);
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

/** ZooKeeperServer.generatePasswd: java.util.Random seeded with the session id and a constant. */
function passwordOf(id: bigint): Buffer {
  const mask = (1n << 48n) - 1n;
  let seed = (BigInt.asUintN(64, id) ^ 0xb3415c00n ^ 0x5deece66dn) & mask;
  const password = Buffer.alloc(16);
  for (let at = 0; at < password.length; at += 4) {
    seed = (seed * 0x5deece66dn + 0xbn) & mask;
    password.writeUInt32LE(Number(seed >> 16n), at);
  }
  return password;
}

/** The clock of leases. */
export const nowMs = (): number => Number(process.hrtime.bigint()) / 1e6;
