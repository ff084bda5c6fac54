import { ANY_VERSION } from '../../common/coordination/ports.js';
import { encodeTopicEntry } from '../../common/coordination/records/desired.js';
import { TOPICS, topicPath, topicsPath } from '../../common/coordination/znodes.js';
import { buildBatch } from '../../common/kafka/wire/records/build-batch.js';
import { refKey } from '../../common/model/assignment.js';
import type { ProcessAnswer } from '../../controller/loop/process-probe.js';
import { RecordCheck, type Violation } from './checks.js';
import { ControllerProcess } from './fleet/controller-process.js';
import type { Surroundings } from './fleet/process.js';
import { ROUTE } from './fleet/settings.js';
import { WorkerProcess } from './fleet/worker-process.js';
import { KafkaCluster, type Topic } from './kafka/cluster.js';
import type { PartitionListener } from './kafka/partition.js';
import { Actor, WALL_START_MS } from './kernel/actor.js';
import type { Dice } from './kernel/dice.js';
import { Network } from './kernel/network.js';
import { Timeline } from './kernel/timeline.js';
import { Trace } from './kernel/trace.js';
import { OwnershipCheck } from './ownership-check.js';
import { ProducerCheck } from './producer-check.js';
import { enterWorld } from './seams.js';
import { Ensemble } from './zookeeper/ensemble.js';

const ZOOKEEPERS = 3;
const BROKERS = 2;
/** In some worlds the records are older than brokers remember their producers. */
const OLD_SHARE = 0.15;
const OLD_MS = 172_800_000;
/** In some, workers have two data threads. */
const THREADED_SHARE = 0.25;
/** Whoever watches over processes starts one again after this. */
const RESTART_MS = 1_000;

/** A fleet between two clusters, on virtual time. Everything that happens in it follows from the dice. */
export class World implements Surroundings {
  readonly dice: Dice;
  readonly timeline = new Timeline();
  readonly trace: Trace;
  readonly network: Network;
  readonly ensemble: Ensemble;
  readonly zookeeper: Surroundings['zookeeper'];
  readonly source: KafkaCluster;
  readonly target: KafkaCluster;
  readonly records: RecordCheck;
  readonly ownership: OwnershipCheck;
  readonly workers = new Map<string, WorkerProcess>();
  readonly controllers = new Map<string, ControllerProcess>();
  #violation: Violation | undefined;
  readonly #areRecordsOld: boolean;
  readonly #threads: number;
  /** Of every process that ever was. */
  readonly #actors: Actor[] = [];
  #written = 0;

  constructor(dice: Dice, keepTrace: boolean) {
    this.dice = dice;
    this.#areRecordsOld = dice.of('age').chance(OLD_SHARE);
    this.#threads = dice.of('threads').chance(THREADED_SHARE) ? 2 : 1;
    const { timeline } = this;
    const trace = new Trace(() => timeline.nowMs, keepTrace);
    this.trace = trace;
    const failed = (violation: Violation): void => this.fail(violation);
    this.records = new RecordCheck(trace, failed);
    this.ownership = new OwnershipCheck(trace, failed);
    this.network = new Network(timeline, dice.of('network'));
    this.ensemble = new Ensemble(ZOOKEEPERS, {
      timeline,
      dice: dice.of('zookeeper'),
      trace,
      committed: (commit) => this.ownership.committed(commit),
    });
    this.zookeeper = { ensemble: this.ensemble, network: this.network, timeline, trace };
    const producers = new ProducerCheck(failed);
    const { sourceListener } = this.records;
    const targetListener: PartitionListener = {
      ...this.records.targetListener,
      offered: (partition, batch) => producers.offered(partition, batch),
    };
    this.source = new KafkaCluster('source', BROKERS, { timeline, dice: dice.of('source'), listener: sourceListener });
    this.target = new KafkaCluster('target', BROKERS, { timeline, dice: dice.of('target'), listener: targetListener });
    const clusters = new Map([this.source, this.target].map((cluster) => [cluster.name, cluster]));
    enterWorld({ clusters, network: this.network, trace, producers });
    this.#order([TOPICS, topicsPath(ROUTE)]);
  }

  get violation(): Violation | undefined {
    return this.#violation;
  }

  /** The first one counts. */
  fail(violation: Violation): void {
    this.trace.tell('check', `${violation.kind}: ${violation.message}`);
    this.#violation ??= violation;
  }

  /** The kernel takes connections for a process that is stopped, too. */
  knock(address: string): ProcessAnswer {
    return this.#actors[Number(/:(\d+)$/.exec(address)?.[1])]?.isAlive === true ? 'listens' : 'refuses';
  }

  startWorker(id: string): void {
    const actor = this.#actor(id);
    this.workers.set(id, new WorkerProcess({ id, http: this.#address(id), threads: this.#threads }, actor, this));
  }

  startController(id: string): void {
    this.controllers.set(id, new ControllerProcess(id, this.#actor(id), this.#address(id), this));
  }

  ended(id: string): void {
    this.timeline.after(RESTART_MS, () => {
      if (this.workers.get(id)?.actor.isAlive !== true) this.startWorker(id);
    });
  }

  /** A topic at the source that an operator wants to have copied. */
  addTopic(name: string, partitions: number): void {
    this.source.create(name, partitions);
    this.trace.tell('operator', `adds ${name} with ${partitions} partitions`);
    this.#writeEntry(name, false);
  }

  /** An operator pauses a topic, or lets it go on. */
  pauseTopic(name: string, paused: boolean): void {
    this.#writeEntry(name, paused);
  }

  /** An operator does not want it any more. */
  removeTopic(name: string): void {
    this.ensemble.write([{ type: 'remove', path: topicPath(ROUTE, name), version: ANY_VERSION }], 0n);
  }

  /** An operator wants it again. */
  addTopicAgain(name: string): void {
    this.#writeEntry(name, false);
  }

  /** One batch for each of some partitions. */
  produce(topic: Topic, dice: Dice): void {
    for (const partition of topic.partitions) {
      if (partition.leader < 0 || !dice.chance(0.6)) continue;
      const records = Array.from({ length: 1 + dice.below(4) }, () => {
        this.#written += 1;
        const value = Buffer.from(`r${this.#written}`);
        return { key: null, value, headers: [], timestamp: this.#timestamp() };
      });
      partition.append(buildBatch(records));
    }
  }

  /** Why the world is not as it should be in the end. */
  unsettled(): string | undefined {
    const behind = this.records.behind();
    if (behind.length > 0) return `not copied: ${behind.join(', ')}`;
    for (const { name, partitions } of this.source.topics.values()) {
      for (const { number } of partitions) {
        const key = refKey({ route: ROUTE, topic: name, partition: number });
        const owner = this.ownership.ownerOf(key);
        if (owner === undefined) return `${key} is nobody's`;
        const status = this.workers
          .get(owner)
          ?.supervisor.status()
          .partitions.find((each) => refKey(each) === key);
        if (status?.state !== 'running') return `${key} is ${status?.state ?? 'not held'} at ${owner}`;
      }
    }
    return undefined;
  }

  #actor(id: string): Actor {
    this.trace.tell('world', `starts ${id}`);
    const actor = new Actor(id, this.timeline, this.dice.of(`${id} ${this.#actors.length}`));
    this.#actors.push(actor);
    return actor;
  }

  /** Each process has a port of its own. */
  #address(id: string): string {
    return `http://${id}:${this.#actors.length - 1}`;
  }

  #timestamp(): bigint {
    const ageMs = this.#areRecordsOld ? OLD_MS : 0;
    return BigInt(Math.floor(WALL_START_MS + this.timeline.nowMs - ageMs));
  }

  #order(paths: readonly string[]): void {
    for (const path of paths) this.ensemble.write([{ type: 'create', path, data: Buffer.alloc(0) }], 0n);
  }

  #writeEntry(topic: string, paused: boolean): void {
    const entry = {
      route: ROUTE,
      topic,
      partitions: 'all',
      paused,
      skips: [],
      limits: {},
      addedAt: '2026-01-01',
    } as const;
    const data = encodeTopicEntry(entry);
    const path = topicPath(ROUTE, topic);
    const isThere = this.ensemble.node(path) !== undefined;
    const version = ANY_VERSION;
    this.ensemble.write([isThere ? { type: 'set', path, data, version } : { type: 'create', path, data }], 0n);
  }
}
