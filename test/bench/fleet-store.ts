import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { CausewayClient } from '../../common/api/client.js';
import { type CoordinationStore, MAX_MULTI_OPS } from '../../common/coordination/ports.js';
import { decodeController } from '../../common/coordination/records/control.js';
import { encodeTopicEntry } from '../../common/coordination/records/desired.js';
import { ASSIGNMENTS, LEADER, REPORTS, topicPath, topicsPath } from '../../common/coordination/znodes.js';
import { openZooKeeperStore } from '../../common/coordination/zookeeper/store.js';
import { silentLogger } from '../../common/observability/logger.js';
import { systemClock } from '../../common/runtime/clock.js';
import { systemRandom } from '../../common/runtime/random.js';
import { BedChild } from '../bed/child.js';
import { waitUntil } from '../bed/wait.js';
import { Workspace } from '../bed/workspace.js';
import { startZooKeeper, type ZooKeeperHandle } from '../bed/zookeeper.js';
import { FakeWorker, Ownership } from '../unit/controller/fake-worker.js';
import { type ControllerOrder, heapEvent, topicName, workerName } from './fleet-order.js';
import type { FleetShape } from './fleet-world.js';
import { peakRssMb, processCpuS } from './process-usage.js';

const controllerScript = fileURLToPath(new URL('./fleet-controller.js', import.meta.url));
const route = 'east-west';
const root = '/causeway/bench';
const controllerSessionMs = 4_000;
/** All simulated workers share one process: none is to die of that. */
const workerSessionMs = 30_000;
const limitMs = 300_000;
const workersAtOnce = 20;

/** The fleet on a real ZooKeeper: times in ms of the wall clock, everything on this machine. */
export interface StoreFigures {
  /** From the last topic's entry until every worker holds its partitions. */
  readonly assignedMs: number;
  readonly largestAssignmentBytes: number;
  readonly assignmentBytes: number;
  readonly reportBytes: number;
  /** From a worker's end until others hold what it held; partitions of others that moved. */
  readonly takeoverMs: number;
  readonly strangersMoved: number;
  /** From the leader's SIGKILL until another leads, and until that one has planned; assignment nodes that it wrote. */
  readonly failoverMs: number;
  readonly replannedMs: number;
  readonly rewritten: number;
  readonly controllerPeakMb: number;
  /** The leader's heap after a collection, with everything assigned and held. */
  readonly leaderHeapMb: number;
  /** CPU seconds until everything was held: the leader, ZooKeeper, and this process, which is all the workers. */
  readonly cpuS: { readonly leader: number; readonly zooKeeper: number; readonly harness: number };
}

export async function storeFigures(shape: FleetShape, log: (line: string) => void): Promise<StoreFigures> {
  const workspace = new Workspace('fleet');
  const zooKeeper = await startZooKeeper({
    name: 'fleet-zookeeper',
    jvm: 'server',
    heapMb: 512,
    config: { maxClientCnxns: '0' },
  });
  const fleet = new StoreFleet(zooKeeper, workspace, shape);
  try {
    return await fleet.measure(log);
  } catch (error) {
    workspace.markFailed();
    throw error;
  } finally {
    await fleet.close();
    await zooKeeper.stop();
    workspace.remove();
  }
}

class StoreFleet {
  readonly #zooKeeper: ZooKeeperHandle;
  readonly #workspace: Workspace;
  readonly #shape: FleetShape;
  readonly #stores: CoordinationStore[] = [];
  readonly #controllers = new Map<string, BedChild>();
  readonly #workers = new Map<string, FakeWorker>();
  readonly #ownership = new Ownership();
  readonly #store: CoordinationStore;

  constructor(zooKeeper: ZooKeeperHandle, workspace: Workspace, shape: FleetShape) {
    this.#zooKeeper = zooKeeper;
    this.#workspace = workspace;
    this.#shape = shape;
    this.#store = this.#open(workerSessionMs);
  }

  async measure(log: (line: string) => void): Promise<StoreFigures> {
    for (const id of ['c1', 'c2']) this.#startController(id);
    await waitUntil('somebody leads', async () => (await this.#leader()) !== undefined, { timeoutMs: limitMs });
    await this.#startWorkers();
    log(`${this.#workers.size} workers are registered`);
    await this.#writeTopics();
    const writtenMs = performance.now();
    const cpuBefore = await this.#cpuS();
    await this.#everythingHeld();
    const assignedMs = performance.now() - writtenMs;
    const cpuAfter = await this.#cpuS();
    const spent = (part: keyof StoreFigures['cpuS']): number => cpuAfter[part] - cpuBefore[part];
    const cpuS = { leader: spent('leader'), zooKeeper: spent('zooKeeper'), harness: spent('harness') };
    log(`all partitions are held after ${Math.round(assignedMs)} ms`);
    const sizes = await this.#sizes(ASSIGNMENTS);
    const reports = await this.#sizes(REPORTS);
    const leaderHeapMb = await this.#leaderHeapMb();
    const takeover = await this.#loseWorker(workerName(1));
    log(`a worker's partitions are with others after ${Math.round(takeover.takeoverMs)} ms`);
    const failover = await this.#loseLeader();
    if (this.#ownership.violations.length > 0) throw new Error(`two owners: ${this.#ownership.violations[0]}`);
    return {
      assignedMs,
      largestAssignmentBytes: Math.max(...sizes),
      assignmentBytes: sum(sizes),
      reportBytes: sum(reports),
      leaderHeapMb,
      cpuS,
      ...takeover,
      ...failover,
    };
  }

  async close(): Promise<void> {
    await Promise.all([...this.#workers.values()].map((worker) => worker.stop()));
    await Promise.all([...this.#controllers.values()].map((child) => child.kill()));
    await Promise.all(this.#stores.map((store) => store.close()));
  }

  #open(sessionTimeoutMs: number): CoordinationStore {
    const store = openZooKeeperStore({
      connect: this.#zooKeeper.connect,
      root,
      sessionTimeoutMs,
      operationTimeoutMs: 60_000,
      clock: systemClock,
      random: systemRandom,
      logger: silentLogger,
    });
    this.#stores.push(store);
    return store;
  }

  #startController(id: string): void {
    const { topics, partitionsPerTopic } = this.#shape;
    const order: ControllerOrder = {
      id,
      connect: this.#zooKeeper.connect,
      root,
      sessionTimeoutMs: controllerSessionMs,
      route,
      topics,
      partitionsPerTopic,
    };
    const logFile = this.#workspace.path(`${id}.log`);
    const args = [controllerScript, JSON.stringify(order)];
    this.#controllers.set(id, BedChild.start({ name: `controller ${id}`, command: process.execPath, args, logFile }));
  }

  async #startWorkers(): Promise<void> {
    const names = Array.from({ length: this.#shape.workers }, (_, i) => workerName(i));
    for (let at = 0; at < names.length; at += workersAtOnce) {
      await Promise.all(names.slice(at, at + workersAtOnce).map((worker) => this.#startWorker(worker)));
    }
  }

  async #startWorker(worker: string): Promise<void> {
    const store = this.#open(workerSessionMs);
    await store.ready();
    const fake = new FakeWorker(store, { worker, fleet: 'bench', ownership: this.#ownership });
    await fake.start();
    this.#workers.set(worker, fake);
  }

  async #writeTopics(): Promise<void> {
    const { topics } = this.#shape;
    const addedAt = new Date().toISOString();
    await this.#store.create(topicsPath(route), Buffer.alloc(0));
    for (let at = 0; at < topics; at += MAX_MULTI_OPS) {
      const names = Array.from({ length: Math.min(MAX_MULTI_OPS, topics - at) }, (_, i) => topicName(at + i));
      const entry = { route, partitions: 'all', paused: false, skips: [], limits: {}, addedAt } as const;
      await this.#store.multi(
        names.map((topic) => ({
          type: 'create',
          path: topicPath(route, topic),
          data: encodeTopicEntry({ ...entry, topic }),
        })),
      );
    }
  }

  async #everythingHeld(): Promise<void> {
    const { topics, partitionsPerTopic } = this.#shape;
    const held = () => sum([...this.#workers.values()].map((worker) => worker.held.size));
    const all = topics * partitionsPerTopic;
    await waitUntil(`${all} partitions are held`, () => held() === all, { timeoutMs: limitMs });
  }

  async #sizes(area: string): Promise<number[]> {
    const names = (await this.#store.children(area)) ?? [];
    const nodes = await Promise.all(names.map((name) => this.#store.get(`${area}/${name}`)));
    return nodes.map((node) => node?.data.length ?? 0);
  }

  async #loseWorker(name: string): Promise<Pick<StoreFigures, 'takeoverMs' | 'strangersMoved'>> {
    const before = new Map([...this.#workers].map(([worker, fake]) => [worker, new Set(fake.held.keys())]));
    const startMs = performance.now();
    await this.#workers.get(name)?.die();
    this.#workers.delete(name);
    await this.#everythingHeld();
    const takeoverMs = performance.now() - startMs;
    let strangersMoved = 0;
    for (const [worker, fake] of this.#workers) {
      for (const key of before.get(worker) ?? []) if (!fake.held.has(key)) strangersMoved++;
    }
    return { takeoverMs, strangersMoved };
  }

  async #loseLeader(): Promise<Pick<StoreFigures, 'failoverMs' | 'replannedMs' | 'rewritten' | 'controllerPeakMb'>> {
    const leader = await this.#leader();
    const child = this.#controllers.get(leader?.controller ?? '');
    if (leader === undefined || child === undefined) throw new Error('nobody leads');
    const versions = await this.#versions();
    const controllerPeakMb = peakRssMb(child.pid);
    const startMs = performance.now();
    await child.kill();
    const others = async () =>
      (await this.#leader())?.controller !== leader.controller && (await this.#leader()) !== undefined;
    await waitUntil('another controller leads', others, { timeoutMs: limitMs });
    const failoverMs = performance.now() - startMs;
    const client = new CausewayClient({ baseUrl: (await this.#leader())?.http ?? '' });
    await waitUntil('it has planned', async () => (await client.plan({ own: true })).partitions > 0, {
      timeoutMs: limitMs,
    });
    const replannedMs = performance.now() - startMs;
    const after = await this.#versions();
    const rewritten = [...versions].filter(([worker, version]) => after.get(worker) !== version).length;
    return { failoverMs, replannedMs, rewritten, controllerPeakMb };
  }

  async #cpuS(): Promise<StoreFigures['cpuS']> {
    const leader = this.#controllers.get((await this.#leader())?.controller ?? '');
    if (leader === undefined) throw new Error('nobody leads');
    const of = (pid: number): number => processCpuS(pid);
    return { leader: of(leader.pid), zooKeeper: of(this.#zooKeeper.pid), harness: of(process.pid) };
  }

  async #leaderHeapMb(): Promise<number> {
    const child = this.#controllers.get((await this.#leader())?.controller ?? '');
    if (child === undefined) throw new Error('nobody leads');
    const told = (): string | undefined =>
      readFileSync(child.logFile, 'utf8')
        .split('\n')
        .findLast((line) => line.includes(heapEvent));
    process.kill(child.pid, 'SIGUSR2');
    await waitUntil('the leader tells its heap', () => told() !== undefined);
    return (JSON.parse(told() ?? '{}') as { heapMb: number }).heapMb;
  }

  async #versions(): Promise<Map<string, number | undefined>> {
    const names = (await this.#store.children(ASSIGNMENTS)) ?? [];
    const nodes = await Promise.all(names.map((name) => this.#store.get(`${ASSIGNMENTS}/${name}`)));
    return new Map(names.map((name, i) => [name, nodes[i]?.version]));
  }

  async #leader() {
    const node = await this.#store.get(LEADER);
    return node === undefined ? undefined : decodeController(node.data, LEADER);
  }
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
