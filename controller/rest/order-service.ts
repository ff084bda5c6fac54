import { countedRemoval } from '../../common/coordination/counted-removal.js';
import { ANY_VERSION, type CoordinationStore } from '../../common/coordination/ports.js';
import {
  decodeExclusion,
  decodeFreeze,
  decodeWorkerOrder,
  encodeExclusion,
  encodeFreeze,
  encodeWorkerOrder,
} from '../../common/coordination/records/orders.js';
import {
  EXCLUSIONS,
  exclusionPath,
  exclusionRoutePath,
  freezePath,
  ORDERS,
  WORKERS,
  workerOrderPath,
} from '../../common/coordination/znodes.js';
import { CausewayError, isCausewayError } from '../../common/errors/error.js';
import type { Exclusion, FreezeOrder, WorkerOrder } from '../../common/model/orders.js';
import { topicNameFault } from '../../common/model/topic-partition.js';
import { identifierFault } from '../../common/model/worker.js';
import type { Logger } from '../../common/observability/logger.js';
import type { Clock } from '../../common/runtime/clock.js';
import { failed } from './etag.js';
import type { RouteService } from './route-service.js';

/** Somebody else may change the node meanwhile, but not for ever. */
const MAX_ATTEMPTS = 5;

export interface OrderServiceDeps {
  readonly store: CoordinationStore;
  readonly routes: RouteService;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What a caller wants changed; absent: as it is. */
export interface WorkerWish {
  readonly role?: WorkerOrder['role'];
  readonly routes?: readonly string[];
  /** From now; 0: no restart is to be waited for. */
  readonly restartWithinMs?: number;
  readonly reason: string;
}

/** Operators' orders about workers and single partitions: accepted on any controller, carried out by the leader, kept until taken back. */
export class OrderService {
  readonly #deps: OrderServiceDeps;

  constructor(deps: OrderServiceDeps) {
    this.#deps = deps;
  }

  /** The order for a worker, whether it lives or not; undefined: none. @throws INVALID_REQUEST */
  async worker(worker: string): Promise<WorkerOrder | undefined> {
    return (await this.#read(workerPath(worker), decodeWorkerOrder))?.value;
  }

  /** @throws INVALID_REQUEST, ROUTE_UNKNOWN, PRECONDITION_FAILED */
  async orderWorker(worker: string, { role, routes, restartWithinMs, reason }: WorkerWish): Promise<WorkerOrder> {
    for (const route of routes ?? []) await this.#deps.routes.get(route);
    const order = await this.#change(WORKERS, workerPath(worker), decodeWorkerOrder, encodeWorkerOrder, (before) => ({
      ...before,
      worker,
      ...(role === undefined ? {} : { role }),
      ...(routes === undefined ? {} : { routes }),
      ...(restartWithinMs === undefined ? {} : { restartUntil: this.#later(restartWithinMs) }),
      reason,
      at: this.#now(),
    }));
    this.#deps.logger.warn('audit.worker-ordered', { ...order });
    return order;
  }

  /** Takes the order back: the worker's own configuration counts again. @throws INVALID_REQUEST */
  async releaseWorker(worker: string): Promise<void> {
    await this.#remove(workerPath(worker));
    this.#deps.logger.warn('audit.worker-released', { worker });
  }

  /** What is excluded of a topic, whether it is mirrored or not. @throws ROUTE_UNKNOWN, TOPIC_NAME_ILLEGAL */
  async exclusion(route: string, topic: string): Promise<Exclusion | undefined> {
    await this.#deps.routes.get(route);
    return (await this.#read(topicPathOf(route, topic), decodeExclusion))?.value;
  }

  /** Adds to, or takes from, the excluded partitions of a topic. @throws ROUTE_UNKNOWN, TOPIC_NAME_ILLEGAL, PRECONDITION_FAILED */
  async exclude(
    route: string,
    topic: string,
    wish: { readonly add: readonly number[]; readonly remove: readonly number[]; readonly reason: string },
  ): Promise<Exclusion> {
    await this.#deps.routes.get(route);
    const path = topicPathOf(route, topic);
    const gone = new Set(wish.remove);
    const order = await this.#change(exclusionRoutePath(route), path, decodeExclusion, encodeExclusion, (before) => {
      const partitions = [...new Set([...(before?.partitions ?? []), ...wish.add])].filter((one) => !gone.has(one));
      return { route, topic, partitions: partitions.sort((a, b) => a - b), reason: wish.reason, at: this.#now() };
    });
    this.#deps.logger.warn('audit.partitions-excluded', { ...order });
    return order;
  }

  async frozen(): Promise<FreezeOrder | undefined> {
    return (await this.#read(freezePath, decodeFreeze))?.value;
  }

  /** From now on nothing moves from worker to worker, until `thaw`. */
  async freeze(reason: string): Promise<FreezeOrder> {
    const order = await this.#change(ORDERS, freezePath, decodeFreeze, encodeFreeze, () => ({
      reason,
      at: this.#now(),
    }));
    this.#deps.logger.warn('audit.frozen', { ...order });
    return order;
  }

  async thaw(): Promise<void> {
    await this.#remove(freezePath);
    this.#deps.logger.warn('audit.thawed', {});
  }

  #now(): string {
    return this.#later(0);
  }

  #later(ms: number): string {
    return new Date(this.#deps.clock.wallMs() + ms).toISOString();
  }

  async #read<T>(
    path: string,
    decode: (data: Buffer, path: string) => T,
  ): Promise<{ readonly value: T; readonly version: number } | undefined> {
    const node = await this.#deps.store.get(path);
    return node === undefined ? undefined : { value: decode(node.data, path), version: node.version };
  }

  async #change<T>(
    parent: string,
    path: string,
    decode: (data: Buffer, path: string) => T,
    encode: (value: T) => Buffer,
    change: (before: T | undefined) => T,
  ): Promise<T> {
    const { store } = this.#deps;
    for (let attempt = 1; ; attempt++) {
      const before = await this.#read(path, decode);
      const value = change(before?.value);
      try {
        if (before === undefined) await store.create(path, encode(value));
        else await store.set(path, encode(value), before.version);
        return value;
      } catch (error) {
        if (isCausewayError(error, 'NODE_MISSING') && before === undefined) await this.#makeParents(parent);
        else if (!isRace(error)) throw error;
        if (attempt === MAX_ATTEMPTS) throw failed('it changed since it was read');
      }
    }
  }

  async #makeParents(parent: string): Promise<void> {
    const paths = parent.startsWith(`${EXCLUSIONS}/`) ? [EXCLUSIONS, parent] : [parent];
    for (const path of paths) {
      try {
        await this.#deps.store.create(path, Buffer.alloc(0));
      } catch (error) {
        if (!isCausewayError(error, 'NODE_EXISTS')) throw error;
      }
    }
  }

  async #remove(path: string): Promise<void> {
    const outcome = await this.#deps.store.multi(countedRemoval(path, ANY_VERSION));
    if (!outcome.applied && outcome.code !== 'NODE_MISSING') throw failed('it changed since it was read');
  }
}

function isRace(error: unknown): boolean {
  return (['BAD_VERSION', 'NODE_EXISTS', 'NODE_MISSING'] as const).some((code) => isCausewayError(error, code));
}

function workerPath(worker: string): string {
  const fault = identifierFault(worker);
  if (fault === undefined) return workerOrderPath(worker);
  throw new CausewayError('INVALID_REQUEST', `"${worker.slice(0, 100)}" cannot name a worker: ${fault}`);
}

function topicPathOf(route: string, topic: string): string {
  const fault = topicNameFault(topic);
  if (fault === undefined) return exclusionPath(route, topic);
  throw new CausewayError('TOPIC_NAME_ILLEGAL', `the topic name is illegal: ${fault}`, {
    place: { route, topic: topic.slice(0, 249) },
  });
}
