import { setTimeout as sleep } from 'node:timers/promises';
import { compareClusters } from '../audit/compare-clusters.js';
import { Load } from '../audit/load.js';
import { describeProblem } from '../audit/report.js';
import type { TopicShape } from '../audit/shapes.js';
import { createTopics } from '../audit/topics.js';
import { type DemoBed, startDemoBed } from './demo-bed.js';
import { Fleet, ROUTE } from './fleet.js';
import { GALLERY_SOURCE_CONFIG, Gallery, galleryRoutes, NOT_SHOWN, SPECIMENS } from './gallery/gallery.js';
import { waitForLagZero } from './lag.js';
import { LogEnds } from './log-ends.js';
import { type FailoverReport, killLeader, killWorker, type TakeoverReport } from './mayhem.js';
import { observeWorkers } from './observe.js';
import type { DemoOptions } from './options.js';
import { addTopics, reignOf } from './rest.js';
import type { Screen } from './screen.js';
import { type Verdict, verdictOf } from './verdict.js';
import { Watcher } from './watcher.js';

const REDRAW_MS = 500;
const LINE_MS = 2_000;
const LAG_LIMIT_MS = 60_000;
/** Load is on the source before the topics are mirrored: the fleet starts with a backlog. */
const HEAD_START_MS = 1_000;
const BOUNDED_LOG = { 'retention.bytes': String(32 << 20), 'segment.bytes': String(8 << 20) };

/** Old records go where nobody will compare them: a demo may run for hours. */
function bounded(shape: TopicShape): TopicShape {
  return { ...shape, configs: { ...shape.configs, ...BOUNDED_LOG } };
}

interface Parts {
  readonly bed: DemoBed;
  readonly fleet: Fleet;
  readonly load: Load;
  readonly sourceEnds: LogEnds;
  readonly targetEnds: LogEnds;
  readonly watcher: Watcher;
  readonly gallery: Gallery | undefined;
}

/** One run of the demo: everything it starts, it stops. */
export class DemoSession {
  readonly #options: DemoOptions;
  readonly #screen: Screen;
  readonly #folder: string;
  readonly #signal: AbortSignal;
  #started = false;
  readonly #undo: (() => Promise<void>)[] = [];

  /** @param signal ends the run early, in good order */
  constructor(options: DemoOptions, screen: Screen, folder: string, signal: AbortSignal) {
    this.#options = options;
    this.#screen = screen;
    this.#folder = folder;
    this.#signal = signal;
  }

  /** True once all processes run and can be stopped in order. */
  get isStarted(): boolean {
    return this.#started;
  }

  /** @returns the verdict of a check; undefined for a run without one, and when the signal ended it. */
  async run(): Promise<Verdict | undefined> {
    const { check, seconds } = this.#options;
    const parts = await this.#start();
    this.#started = true;
    const watching = new AbortController();
    const watch = this.#watch(parts, AbortSignal.any([watching.signal, this.#signal]));
    try {
      const startedAt = performance.now();
      await this.#pause(HEAD_START_MS);
      if (!this.#signal.aborted)
        await addTopics(
          parts.fleet,
          ROUTE,
          this.#options.shapes.map(({ topic }) => topic),
        );
      this.#screen.say(`${this.#options.shapes.length} topics added over REST`);
      await this.#mirrorGallery(parts);
      const killing = this.#kill(parts, startedAt);
      killing.catch(() => undefined);
      await this.#pause(seconds === undefined ? undefined : startedAt + seconds * 1_000 - performance.now());
      const killed = this.#signal.aborted ? {} : await killing;
      await parts.load.stop();
      if (!check || this.#signal.aborted) return undefined;
      const loadSeconds = Math.round(performance.now() - startedAt) / 1_000;
      const lagZeroMs = await waitForLagZero(parts.fleet, parts.sourceEnds, LAG_LIMIT_MS, this.#signal);
      await this.#settleGallery(parts);
      return await this.#compare(parts, { loadSeconds, lagZeroMs, ...killed });
    } finally {
      watching.abort();
      await watch;
    }
  }

  /** Stops what was started, the last first; goes on after failures. */
  async stop(): Promise<void> {
    for (const undo of this.#undo.splice(0).reverse()) {
      await undo().catch((error: unknown) => this.#screen.say(`while stopping: ${String(error)}`));
    }
  }

  async #start(): Promise<Parts> {
    const { check, shapes, recordsPerS } = this.#options;
    this.#screen.say('starting two Kafka clusters (3.9.1 and 4.1.0) and ZooKeeper');
    const bed = await startDemoBed(this.#options.gallery ? GALLERY_SOURCE_CONFIG : {});
    this.#undo.push(() => bed.stop());
    const servers = bed.source.bootstrapServers;
    await createTopics(servers, check ? shapes : shapes.map(bounded));
    this.#screen.say(`source ${servers}   target ${bed.target.bootstrapServers}   ZooKeeper ${bed.zooKeeper.connect}`);
    const gallery = await this.#fillGallery(bed);
    const fleet = await this.#startFleet(bed);
    const load = new Load({ bootstrapServers: servers, shapes, recordsPerS, run: process.pid, keepsLedger: check });
    this.#undo.push(() => load.stop());
    const sourceEnds = new LogEnds(servers, shapes);
    const targetEnds = new LogEnds(bed.target.bootstrapServers, shapes);
    this.#undo.push(
      () => sourceEnds.close(),
      () => targetEnds.close(),
    );
    const watcher = new Watcher({ fleet, load, shapes, sourceEnds, targetEnds, reign: () => reignOf(fleet) });
    return { bed, fleet, load, sourceEnds, targetEnds, watcher, gallery };
  }

  async #startFleet({ source, target, zooKeeper }: DemoBed): Promise<Fleet> {
    const routes = this.#options.gallery ? galleryRoutes('source', 'target') : {};
    const route = { delivery: this.#options.delivery };
    const fleet = new Fleet({
      folder: this.#folder,
      source,
      target,
      zooKeeperConnect: zooKeeper.connect,
      route,
      routes,
    });
    this.#undo.push(() => fleet.stop());
    const processes = [
      await fleet.start('controller', 'controller-1'),
      await fleet.start('controller', 'controller-2'),
      await fleet.start('worker', 'worker-1'),
      await fleet.start('worker', 'worker-2'),
    ];
    await Promise.all(processes.map((process) => process.ready()));
    for (const { id, url } of processes) this.#screen.say(`${id} answers at ${url}`);
    return fleet;
  }

  /** Every shape is in the source's logs before anything is mirrored. */
  async #fillGallery({ source, target }: DemoBed): Promise<Gallery | undefined> {
    if (!this.#options.gallery) return undefined;
    const since = performance.now();
    const gallery = new Gallery(source.bootstrapServers, target.bootstrapServers, process.pid);
    this.#undo.push(() => gallery.close());
    await gallery.prepare();
    this.#screen.say(
      `${SPECIMENS.length} shapes proved to be at the source in ${Math.round(performance.now() - since)} ms`,
    );
    return gallery;
  }

  async #mirrorGallery({ fleet, gallery }: Parts): Promise<void> {
    if (gallery === undefined || this.#signal.aborted) return;
    await gallery.mirror(fleet);
    this.#screen.say('the shapes’ topics added over REST, each to the route that it needs');
    await gallery.goOn();
  }

  async #settleGallery({ bed, fleet, gallery }: Parts): Promise<void> {
    if (gallery === undefined) return;
    const ends = new LogEnds(bed.source.bootstrapServers, gallery.shapes);
    this.#undo.push(() => ends.close());
    const lagZeroMs = await waitForLagZero(fleet, ends, LAG_LIMIT_MS, this.#signal);
    if (lagZeroMs >= 0) return;
    const stuck = (await observeWorkers(fleet)).filter(
      ({ state, lagRecords }) => state !== 'running' || lagRecords !== 0,
    );
    for (const { topic, partition, state, reason, lagRecords } of stuck)
      this.#screen.say(`${topic}-${partition} is ${state}, ${lagRecords} behind: ${reason}`);
  }

  async #kill(
    { fleet, targetEnds }: Parts,
    startedAt: number,
  ): Promise<{ takeover?: TakeoverReport; failover?: FailoverReport }> {
    const { kill, seconds = 0, shapes } = this.#options;
    const after = (part: number): Promise<void> => this.#pause(startedAt + seconds * 1_000 * part - performance.now());
    const reports: { takeover?: TakeoverReport; failover?: FailoverReport } = {};
    if (kill.includes('worker')) {
      await after(1 / 3);
      if (this.#signal.aborted) return reports;
      this.#screen.say('SIGKILL to a worker');
      reports.takeover = await killWorker(fleet, targetEnds, shapes);
      const { worker, partitions, firstMs, lastMs } = reports.takeover;
      this.#screen.say(`${worker} died; its ${partitions} partitions moved again after ${firstMs} to ${lastMs} ms`);
    }
    if (kill.includes('controller')) {
      await after(2 / 3);
      if (this.#signal.aborted) return reports;
      this.#screen.say('SIGKILL to the leading controller');
      reports.failover = await killLeader(fleet, targetEnds, async () => (await reignOf(fleet)).leader ?? undefined);
      const { controller, newLeaderMs, longestPauseMs } = reports.failover;
      this.#screen.say(
        `${controller} died; new leader after ${newLeaderMs} ms, longest pause of copying ${longestPauseMs} ms`,
      );
    }
    return reports;
  }

  async #compare(
    parts: Parts,
    facts: Omit<Parameters<typeof verdictOf>[0], 'comparison' | 'ledgers'>,
  ): Promise<Verdict> {
    const { bed, load } = parts;
    const since = performance.now();
    const comparison = await compareClusters({
      source: bed.source.bootstrapServers,
      target: bed.target.bootstrapServers,
      topics: this.#options.shapes.map(({ topic }) => topic),
      ledgers: load.ledgers,
    });
    this.#screen.say(`compared ${comparison.records} records in ${Math.round(performance.now() - since)} ms`);
    for (const problem of comparison.firstProblems) this.#screen.say(describeProblem(problem));
    const gallery = await parts.gallery?.compare(parts.fleet, { wasKilled: this.#options.kill.length > 0 });
    if (gallery !== undefined) {
      const { records, declaredGaps, deadLetters } = gallery;
      this.#screen.say(
        `compared ${records} records of all shapes: ${declaredGaps} declared gaps, ${deadLetters} dead letters`,
      );
      this.#screen.say(`not shown: ${NOT_SHOWN}`);
    }
    const exactlyOnce = this.#options.delivery !== 'at-least-once';
    return verdictOf({
      ...facts,
      comparison,
      ledgers: load.ledgers,
      exactlyOnce,
      ...(gallery === undefined ? {} : { gallery }),
    });
  }

  async #watch({ watcher, load }: Parts, signal: AbortSignal): Promise<void> {
    const startedAt = performance.now();
    while (!signal.aborted) {
      const view = await watcher.view().catch(() => undefined);
      const elapsedMs = performance.now() - startedAt;
      if (view !== undefined && !signal.aborted)
        this.#screen.show(view, { elapsedMs, written: load.written, copied: watcher.copied });
      await sleep(this.#screen.isTerminal ? REDRAW_MS : LINE_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Waits, or until the run is to end; undefined: until then only. */
  async #pause(ms: number | undefined): Promise<void> {
    if (ms === undefined) await new Promise<void>((resolve) => this.#onAbort(resolve));
    else if (ms > 0) await sleep(ms, undefined, { signal: this.#signal }).catch(() => undefined);
  }

  #onAbort(callback: () => void): void {
    if (this.#signal.aborted) callback();
    else this.#signal.addEventListener('abort', () => callback(), { once: true });
  }
}
