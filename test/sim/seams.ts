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

class Held {
  readonly #target: object;

  constructor(target: object) {
    this.#target = target;
  }

  deref(): object {
    return this.#target;
  }
}
