import { formatPartitions } from '../../common/model/partition-set.js';
import { partitionKey } from '../../common/model/topic-partition.js';
import type { Load } from '../audit/load.js';
import type { TopicShape } from '../audit/shapes.js';
import type { Fleet } from './fleet.js';
import type { LogEnds } from './log-ends.js';
import { type ObservedPartition, observeWorkers } from './observe.js';
import type { Reign } from './rest.js';
import type { FleetView, TopicRow, WorkerRow } from './view.js';

export interface WatcherDeps {
  readonly fleet: Fleet;
  readonly load: Load;
  readonly shapes: readonly TopicShape[];
  readonly sourceEnds: LogEnds;
  readonly targetEnds: LogEnds;
  /** Id of the leading controller and the epoch of its reign. */
  readonly reign: () => Promise<Reign>;
}

interface Sample {
  readonly atMs: number;
  readonly held: readonly ObservedPartition[];
  readonly sourceEnds: ReadonlyMap<string, number>;
  readonly targetEnds: ReadonlyMap<string, number>;
  readonly written: ReadonlyMap<string, number>;
  readonly leader: string | null;
  readonly epoch: number;
}

/** Puts together what workers, controllers, both clusters and the load say at one moment. */
export class Watcher {
  readonly #deps: WatcherDeps;
  #last: Sample | undefined;
  readonly #everSeen = { controller: new Set<string>(), worker: new Set<string>() };

  constructor(deps: WatcherDeps) {
    this.#deps = deps;
  }

  /** Records at the target, over all topics of the load. */
  get copied(): number {
    return this.#last === undefined ? 0 : [...this.#last.targetEnds.values()].reduce((sum, end) => sum + end, 0);
  }

  async view(): Promise<FleetView> {
    const before = this.#last;
    const now = await this.#sample();
    this.#last = now;
    const { fleet, shapes } = this.#deps;
    for (const kind of ['controller', 'worker'] as const) {
      for (const { id } of fleet.running(kind)) this.#everSeen[kind].add(id);
    }
    const alive = new Set([...fleet.running('controller'), ...fleet.running('worker')].map(({ id }) => id));
    return {
      epoch: now.epoch,
      controllers: [...this.#everSeen.controller].map((id) => ({
        id,
        leads: id === now.leader && alive.has(id),
        alive: alive.has(id),
      })),
      workers: [...this.#everSeen.worker].map((id) => workerRow(id, alive.has(id), now.held)),
      topics: shapes.map((shape) => topicRow(shape, now, before)),
    };
  }

  async #sample(): Promise<Sample> {
    const { fleet, load, shapes, sourceEnds, targetEnds, reign } = this.#deps;
    const [held, source, target, current] = await Promise.all([
      observeWorkers(fleet),
      sourceEnds.read(),
      targetEnds.read(),
      reign().catch(() => undefined),
    ]);
    return {
      atMs: performance.now(),
      held,
      sourceEnds: source,
      targetEnds: target,
      written: new Map(shapes.map(({ topic }) => [topic, load.writtenTo(topic)])),
      leader: current?.leader ?? null,
      epoch: current?.epoch ?? 0,
    };
  }
}

function workerRow(id: string, alive: boolean, held: readonly ObservedPartition[]): WorkerRow {
  const mine = held.filter(({ worker }) => worker === id);
  const topics = new Map<string, number[]>();
  for (const { topic, partition } of mine) topics.set(topic, [...(topics.get(topic) ?? []), partition]);
  const owns = [...topics].sort().map(([topic, partitions]) => `${topic} ${formatPartitions(partitions)}`);
  return { id, alive, partitions: mine.length, owns: owns.join('  ') };
}

function topicRow({ topic, partitions }: TopicShape, now: Sample, before: Sample | undefined): TopicRow {
  const mine = now.held.filter((partition) => partition.topic === topic);
  const lags = new Map(mine.map(({ partition, lagRecords }) => [partition, lagRecords]));
  const seconds = before === undefined ? 0 : (now.atMs - before.atMs) / 1_000;
  const perS = (value: number, earlier: number): number => (seconds > 0 ? Math.max(0, value - earlier) / seconds : 0);
  let lagRecords = 0;
  let copied = 0;
  let copiedBefore = 0;
  for (let partition = 0; partition < partitions; partition++) {
    const key = partitionKey(topic, partition);
    // A partition without a worker, or one still finding its place, is behind by all there is.
    const lag = lags.get(partition) ?? -1;
    lagRecords += lag >= 0 ? lag : (now.sourceEnds.get(key) ?? 0);
    copied += now.targetEnds.get(key) ?? 0;
    copiedBefore += before?.targetEnds.get(key) ?? 0;
  }
  return {
    topic,
    partitions,
    running: mine.filter(({ state }) => state === 'running').length,
    producedPerS: perS(now.written.get(topic) ?? 0, before?.written.get(topic) ?? 0),
    copiedPerS: perS(copied, copiedBefore),
    lagRecords: mine.length === 0 ? -1 : lagRecords,
    lagSeconds: Math.max(-1, ...mine.map(({ lagSeconds }) => lagSeconds)),
    reason: mine.find(({ reason }) => reason !== '')?.reason ?? '',
  };
}
