import { createRequire, syncBuiltinESMExports } from 'node:module';
import { BrokerConnection } from '../../common/kafka/wire/connection.js';
import { loadCodecs } from '../../common/kafka/wire/records/compression.js';
import { LoopLoad } from '../../common/runtime/loop-load.js';
import { asBrokerConnection, SimConnection, type SimKafka } from './kafka/connection.js';
import { passBodiesAsValues } from './kafka/typed-bodies.js';
import { ActorClock } from './kernel/actor.js';

/** Whose brokers are dialled. */
let current: SimKafka | undefined;
let isOpen = false;

/** What is loaded when it is first needed is loaded before a world begins: virtual time waits for no file. */
export function prepare(): Promise<void> {
  return loadCodecs();
}

/**
 * Puts the models in the place of what lies below the product: sockets to brokers, bytes on the wire, the event loop's own load, and weak
 * references, which ask the garbage collector. For this process, and for good: it can do nothing else any more.
 */
export function enterWorld(world: SimKafka): void {
  current = world;
  if (isOpen) return;
  isOpen = true;
  passBodiesAsValues();
  BrokerConnection.open = async (options) => {
    const { clock } = options;
    if (!(clock instanceof ActorClock) || current === undefined) throw new TypeError('nobody of this world dials');
    return asBrokerConnection(await SimConnection.open(options, clock.actor, current));
  };
  measureNoLoop();
  compressNothing();
  AbortSignal.any = eitherOf;
  globalThis.WeakRef = Held as unknown as typeof WeakRef;
}

/** Each measurement is a timer of real time, which nobody would stop in a process that is killed. */
function measureNoLoop(): void {
  const nothing = (): void => undefined;
  const hooks = createRequire(import.meta.url)('node:perf_hooks') as { monitorEventLoopDelay: unknown };
  hooks.monitorEventLoopDelay = () => ({ enable: nothing, disable: nothing, reset: nothing, max: 0 });
  syncBuiltinESMExports();
  LoopLoad.prototype.take = () => ({ utilization: 0, delayMs: 0 });
}

/** What records in the store shrink to is not looked at, and a stream of zlib's costs more than all there is to say in one. */
function compressNothing(): void {
  const magic = Buffer.from([0x1f, 0x8b]);
  const zlib = createRequire(import.meta.url)('node:zlib') as { gzipSync: unknown; gunzipSync: unknown };
  zlib.gzipSync = (text: string) => Buffer.concat([magic, Buffer.from(text)]);
  zlib.gunzipSync = (bytes: Buffer) => bytes.subarray(magic.length);
  syncBuiltinESMExports();
}

/** Node keeps such a signal for as long as somebody listens to it: worlds that are cut off in their midst would stay for good. */
function eitherOf(signals: Iterable<AbortSignal>): AbortSignal {
  const either = new AbortController();
  for (const signal of signals) {
    if (signal.aborted) either.abort(signal.reason);
    else signal.addEventListener('abort', () => either.abort(signal.reason), { once: true });
  }
  return either.signal;
}

class Held {
  readonly #target: object;

  constructor(target: object) {
    this.#target = target;
  }

  deref(): object {
    return this.#target;
  }
}
