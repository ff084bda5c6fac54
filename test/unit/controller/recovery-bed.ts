import type { CoordinationStore, StoreOp } from '../../../common/coordination/ports.js';
import {
  decodeTopicEntry,
  encodeRoute,
  encodeTopicEntry,
  encodeTopicProgress,
} from '../../../common/coordination/records/desired.js';
import { decodeRecovery, encodeRecovery } from '../../../common/coordination/records/recovery.js';
import { progressPath, recoveryPath, routePath, topicPath } from '../../../common/coordination/znodes.js';
import { CausewayError } from '../../../common/errors/error.js';
import { type Checkpoint, type CheckpointPlace, transactionalGroup } from '../../../common/model/checkpoint.js';
import type { Recovery, RecoveryAct } from '../../../common/model/recovery.js';
import type { Route, TopicEntry } from '../../../common/model/route.js';
import { partitionKey, type TopicPartition } from '../../../common/model/topic-partition.js';
import { silentLogger } from '../../../common/observability/logger.js';
import { Metrics } from '../../../common/observability/metrics.js';
import type { Term } from '../../../controller/loop/leader-works.js';
import type { StatusSource } from '../../../controller/loop/load-watch.js';
import { placeKey } from '../../../controller/offsets/gathered-checkpoints.js';
import { FleetLens } from '../../../controller/recovery/fleet-lens.js';
import { HANDLERS } from '../../../controller/recovery/handlers.js';
import type { RecoveryWorld, StepHandler } from '../../../controller/recovery/ports.js';
import { ProgramRunner } from '../../../controller/recovery/program-runner.js';
import { CLUSTERS } from './kit.js';

export const AT = '2026-01-01T00:00:00.000Z';

/** As it lies in a group of the target: the rest of it does not matter to programs. */
export function pairOf(source: number, target = source): Checkpoint {
  return {
    ...{ sourceOffset: BigInt(source), targetOffset: BigInt(target), sourceLeaderEpoch: 0, sourceTopicId: null },
    ...{ targetTopicId: null, timeline: 1, runSourceStart: 0n, runTargetStart: 0n, rulesVersion: 1, released: true },
    lane: { transactionalId: 'x', producerId: 1n, producerEpoch: 0 },
  };
}

/** One program over a store in memory and two clusters that are maps; steps that are not under test only say that they ran. */
export class RecoveryBed {
  readonly nodes = new Map<string, { data: Buffer; version: number }>();
  /** By cluster and topic. */
  readonly partitions: Record<string, Record<string, number>> = { east: {}, west: {} };
  /** Log ends by `cluster/topic-partition`. */
  readonly ends = new Map<string, bigint>();
  /** By group and `topic-partition` of the target. */
  readonly pairs = new Map<string, Checkpoint>();
  /** Groups that were asked for. */
  readonly asked = new Set<string>();
  readonly ran: string[] = [];
  /** The leader dies instead of this write. */
  dies: (ops: readonly StoreOp[]) => boolean = () => false;
  /** Something happens just before this write. */
  before: (ops: readonly StoreOp[]) => void = () => undefined;
  readonly #id: string;

  constructor(recovery: Recovery, routes: readonly Route[]) {
    this.#id = recovery.id;
    this.put(recoveryPath(recovery.id), encodeRecovery(recovery));
    for (const route of routes) this.put(routePath(route.name), encodeRoute(route));
  }

  get recovery(): Recovery {
    const path = recoveryPath(this.#id);
    return decodeRecovery(this.nodes.get(path)?.data as Buffer, path);
  }

  change(change: (recovery: Recovery) => Recovery | undefined): void {
    this.put(recoveryPath(this.#id), encodeRecovery(change(this.recovery) as Recovery));
  }

  put(path: string, data: Buffer): void {
    this.nodes.set(path, { data, version: (this.nodes.get(path)?.version ?? 0) + 1 });
  }

  entry(route: string, topic: string): TopicEntry | undefined {
    const path = topicPath(route, topic);
    const node = this.nodes.get(path);
    return node === undefined ? undefined : decodeTopicEntry(node.data, path);
  }

  /** An operator adds it, or a program retired it. */
  add(route: string, topic: string, retiredBy?: string): void {
    const entry: TopicEntry = {
      ...{ route, topic, partitions: 'all', paused: false, skips: [], limits: {}, addedAt: AT },
      ...(retiredBy === undefined ? {} : { retired: { by: retiredBy, at: AT } }),
    };
    this.put(topicPath(route, topic), encodeTopicEntry(entry));
  }

  remove(route: string, topic: string): void {
    this.nodes.delete(topicPath(route, topic));
  }

  /** Partition 0 of a topic of route r that keeps its name. */
  copied(topic: string, upTo: number): void {
    const place = { route: 'r', targetTopic: topic, partition: 0, timeline: 1 };
    this.pairs.set(`${transactionalGroup(place)} ${topic}-0`, pairOf(upTo));
  }

  progress(route: string, topic: string, targetTopic: string, started: readonly number[]): void {
    const progress = { route, topic, targetTopic, sourceTopicId: null, timeline: 1, started, initialPartitions: 0 };
    this.put(progressPath(route, topic), encodeTopicProgress(progress));
  }

  /** A leader works on it until it rests. @throws EPOCH_LOST where it dies */
  async lead(own: readonly RecoveryAct[]): Promise<void> {
    const idle: StepHandler = {
      look: () => Promise.reject(new Error('a dry run')),
      run: () => Promise.resolve({ kind: 'done' }),
    };
    const handlers = Object.entries(HANDLERS).map(([act, handler]) => {
      const { run, ...rest } = own.includes(act as RecoveryAct) ? handler : idle;
      const noted: StepHandler['run'] = (context) => {
        this.ran.push(context.step.id);
        return run(context);
      };
      return [act, { ...rest, run: noted }];
    });
    await new ProgramRunner(this.#id, {
      world: this.#world(),
      term: this.#term(),
      handlers: Object.fromEntries(handlers) as Readonly<Record<RecoveryAct, StepHandler>>,
    }).run();
  }

  #term(): Term {
    return {
      signal: new AbortController().signal,
      lookAgain: () => Promise.resolve(),
      write: async (ops: readonly StoreOp[]) => {
        this.before(ops);
        if (this.dies(ops)) throw new CausewayError('EPOCH_LOST', 'another one leads');
        for (const op of ops) {
          const version = this.nodes.get(op.path)?.version;
          if (op.type === 'create' && version !== undefined) throw new CausewayError('NODE_EXISTS', op.path);
          if ((op.type === 'set' || op.type === 'check') && version !== op.version)
            throw new CausewayError('BAD_VERSION', op.path);
        }
        return ops.map((op) => {
          if (op.type === 'create' || op.type === 'set') this.put(op.path, op.data as Buffer);
          return this.nodes.get(op.path)?.version;
        });
      },
    } as unknown as Term;
  }

  #world(): RecoveryWorld {
    const store = {
      get: (path: string) => Promise.resolve(this.nodes.get(path)),
      children: () => Promise.resolve([]),
    } as unknown as CoordinationStore;
    const clock = {
      ...{ wallMs: () => Date.parse(AT), monotonicMs: () => 0, after: () => () => undefined },
      sleep: (delayMs: number, signal?: AbortSignal) =>
        delayMs < 1_000
          ? Promise.resolve()
          : new Promise<void>((done) => signal?.addEventListener('abort', () => done())),
    };
    return {
      ...{ store, clock, clusters: CLUSTERS, logger: silentLogger },
      metrics: new Metrics({ version: 'test', role: 'controller' }),
      rpo: { picture: () => undefined },
      fleet: Object.assign(new FleetLens(store, {} as StatusSource), { holders: () => Promise.resolve([]) }),
      metadata: {
        describe: (cluster: string, topics: readonly string[]) => {
          const found = topics.map((topic) => {
            const count = this.partitions[cluster]?.[topic];
            return [topic, count === undefined ? 'absent' : { topicId: null, partitions: count, replicationFactor: 1 }];
          });
          return Promise.resolve({ clusterId: null, brokers: 1, topics: new Map(found as [string, 'absent'][]) });
        },
      },
      lens: {
        ends: (cluster: string, places: readonly TopicPartition[]) =>
          Promise.resolve(
            new Map(
              places.map(({ topic, partition }) => {
                const key = partitionKey(topic, partition);
                return [key, this.ends.get(`${cluster}/${key}`) ?? 0n];
              }),
            ),
          ),
        checkpoints: (_route: Route, places: readonly CheckpointPlace[]) => {
          const found = places.flatMap((place): [string, Checkpoint][] => {
            const group = transactionalGroup(place);
            this.asked.add(group);
            const pair = this.pairs.get(`${group} ${partitionKey(place.targetTopic, place.partition)}`);
            return pair === undefined ? [] : [[placeKey(place), pair]];
          });
          return Promise.resolve(new Map(found));
        },
      },
    } as unknown as RecoveryWorld;
  }
}
