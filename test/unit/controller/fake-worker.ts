import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { encodeWorkerStatus } from '../../../common/api/worker-status.js';
import type { CoordinationStore } from '../../../common/coordination/ports.js';
import { assignmentParts, decodeAssignment } from '../../../common/coordination/records/assignment.js';
import { decodeEpoch } from '../../../common/coordination/records/control.js';
import { decodeLane, encodeLane, encodeLiveWorker, encodeReport } from '../../../common/coordination/records/worker.js';
import { assignmentPath, EPOCH, FLEET, lanePath, livePath, reportPath } from '../../../common/coordination/znodes.js';
import {
  type AssignmentItem,
  compareAssignments,
  refKey,
  type WorkerAssignment,
} from '../../../common/model/assignment.js';
import type { PartitionStatus } from '../../../common/model/status.js';
import { type LiveWorker, laneTransactionalId } from '../../../common/model/worker.js';

/** Who holds what over all fake workers, and every time two held the same at once. */
export class Ownership {
  readonly holders = new Map<string, string>();
  readonly violations: string[] = [];

  take(key: string, worker: string): void {
    const other = this.holders.get(key);
    if (other !== undefined && other !== worker) this.violations.push(`${key}: ${other} and ${worker}`);
    this.holders.set(key, worker);
  }

  release(key: string, worker: string): void {
    if (this.holders.get(key) === worker) this.holders.delete(key);
  }
}

export interface FakeWorkerOptions {
  readonly worker: string;
  readonly fleet: string;
  readonly capacity: number;
  readonly ownership: Ownership;
  readonly lanes: boolean;
  /** Targets it writes lanes for. */
  readonly targets: readonly string[];
  /** Where the producer id of a lane comes from; made up without. */
  readonly initProducer: (transactionalId: string) => Promise<{ producerId: bigint; producerEpoch: number }>;
}

let incarnations = 0;

/**
 * Behaves like a worker towards the store, and copies nothing: registers, applies what names its incarnation, reports, hands over,
 * takes a new incarnation when one of its lanes is being fenced.
 */
export class FakeWorker {
  readonly worker: string;
  readonly #options: Partial<FakeWorkerOptions> & { worker: string; fleet: string };
  readonly #store: CoordinationStore;
  incarnation = '';
  applied: WorkerAssignment | undefined;
  readonly held = new Map<string, AssignmentItem>();
  doubtful: AssignmentItem[] = [];
  /** Switches: a worker that does not report, or never lets go. */
  reports = true;
  releases = true;
  /** The highest epoch its process says that it has seen. */
  seenEpoch: number | undefined;
  /** What it says of a partition it holds, beside the defaults. */
  says: (item: AssignmentItem) => Partial<PartitionStatus> = () => ({});
  /** Every assignment seen of its incarnation, in order. */
  readonly history: WorkerAssignment[] = [];
  #leaving = false;
  #unwatch: (() => void)[] = [];
  #stopped = false;
  #applying: Promise<void> = Promise.resolve();
  #server: Server | undefined;
  #http = 'http://127.0.0.1:1';

  constructor(store: CoordinationStore, options: Partial<FakeWorkerOptions> & { worker: string; fleet: string }) {
    this.#store = store;
    this.#options = options;
    this.worker = options.worker;
  }

  async start(): Promise<void> {
    this.#stopped = false;
    await this.register();
    const apply = (): void => {
      this.#applying = this.#applying.then(() => this.#apply()).catch(() => undefined);
    };
    this.#unwatch.push(this.#store.watch(assignmentPath(this.worker), apply), this.#store.watch('/lanes', apply));
    apply();
  }

  /** A new life under the same id: nothing is held. */
  async register(): Promise<void> {
    this.incarnation = `inc-${this.worker}-${++incarnations}`;
    this.#drop([...this.held.keys()]);
    this.doubtful = [];
    this.applied = undefined;
    if (this.#options.lanes === true) {
      for (const [index, target] of (this.#options.targets ?? ['west']).entries()) await this.#writeLane(index, target);
    }
    const node = await this.#store.get(livePath(this.worker));
    const data = encodeLiveWorker(this.#live());
    if (node === undefined) {
      await this.#store.create(livePath(this.worker), data, { ephemeralOf: this.#store.session().generation });
    } else await this.#store.set(livePath(this.worker), data, node.version);
  }

  /** Dies: the live node goes, and nothing else is said. */
  async die(): Promise<void> {
    await this.stop();
    await this.vanish();
    this.#drop([...this.held.keys()], true);
  }

  /** The live node goes; the process goes on. */
  async vanish(): Promise<void> {
    const node = await this.#store.get(livePath(this.worker));
    if (node !== undefined) await this.#store.remove(livePath(this.worker), node.version);
  }

  /** The live node comes back with the same incarnation. */
  async comeBack(): Promise<void> {
    const options = { ephemeralOf: this.#store.session().generation };
    await this.#store.create(livePath(this.worker), encodeLiveWorker(this.#live()), options);
  }

  /** Asks to be relieved of everything. */
  async leave(): Promise<void> {
    this.#leaving = true;
    const node = await this.#store.get(livePath(this.worker));
    if (node !== undefined) await this.#store.set(livePath(this.worker), encodeLiveWorker(this.#live()), node.version);
  }

  /** Writes its live node anew. */
  async announce(): Promise<void> {
    const node = await this.#store.get(livePath(this.worker));
    if (node !== undefined) await this.#store.set(livePath(this.worker), encodeLiveWorker(this.#live()), node.version);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const remove of this.#unwatch.splice(0)) remove();
    await this.#applying;
    await new Promise<void>((resolve) =>
      this.#server === undefined ? resolve() : this.#server.close(() => resolve()),
    );
    this.#server = undefined;
  }

  /** Answers GET /status with a made-up lag of 7 per partition. */
  async serve(): Promise<void> {
    const server = createServer((_request, response) => {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(encodeWorkerStatus(this.#status())));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    this.#server = server;
    this.#http = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const node = await this.#store.get(livePath(this.worker));
    if (node !== undefined) await this.#store.set(livePath(this.worker), encodeLiveWorker(this.#live()), node.version);
  }

  keys(): string[] {
    return [...this.held.keys()].sort();
  }

  async report(): Promise<void> {
    if (!this.reports || this.applied === undefined) return;
    const { epoch, generation } = this.applied;
    const held = [...this.held.values()];
    const data = encodeReport({
      worker: this.worker,
      incarnation: this.incarnation,
      epoch,
      generation,
      held,
      doubtful: this.doubtful,
      started: held.filter((item) => item.state === 'own'),
    });
    const node = await this.#store.get(reportPath(this.worker));
    if (node === undefined) await this.#store.create(reportPath(this.worker), data);
    else await this.#store.set(reportPath(this.worker), data, node.version);
  }

  async #apply(): Promise<void> {
    if (this.#stopped) return;
    if (await this.#laneLost()) {
      await this.register();
      return;
    }
    const path = assignmentPath(this.worker);
    const node = await this.#store.get(path);
    if (node === undefined) return;
    const buffers = [node.data];
    for (let part = 1; part < assignmentParts(node.data, path); part++) {
      buffers.push((await this.#store.get(`${path}/p${part}`))?.data ?? Buffer.alloc(0));
    }
    const assignment = decodeAssignment(buffers, path);
    if (assignment.incarnation !== this.incarnation) return;
    if (this.applied !== undefined && compareAssignments(assignment, this.applied) <= 0) return;
    this.applied = assignment;
    this.history.push(assignment);
    const own = new Map(assignment.items.filter((item) => item.state === 'own').map((item) => [refKey(item), item]));
    if (this.releases) this.#drop([...this.held.keys()].filter((key) => !own.has(key)));
    for (const [key, item] of own) {
      this.held.set(key, item);
      this.#options.ownership?.take(key, this.worker);
    }
    await this.report();
  }

  #drop(keys: readonly string[], keep = false): void {
    for (const key of keys) {
      if (!keep) this.held.delete(key);
      this.#options.ownership?.release(key, this.worker);
    }
  }

  async #laneLost(): Promise<boolean> {
    if (this.#options.lanes !== true) return false;
    for (const index of (this.#options.targets ?? ['west']).keys()) {
      const path = lanePath(this.#laneId(index));
      const node = await this.#store.get(path);
      if (node === undefined ? await this.#isTakenAway(path) : decodeLane(node.data, path).state === 'fencing')
        return true;
    }
    return false;
  }

  /** A node that goes while the rest of the store stays, and is not an older one. */
  async #isTakenAway(path: string): Promise<boolean> {
    await new Promise((resolve) => setTimeout(resolve, 200));
    const epoch = await this.#store.get(EPOCH);
    if (epoch === undefined || (await this.#store.get(FLEET)) === undefined) return false;
    if (decodeEpoch(epoch.data, EPOCH).epoch < (this.applied?.epoch ?? 0)) return false;
    return (await this.#store.get(path)) === undefined;
  }

  async #writeLane(index: number, target: string): Promise<void> {
    const transactionalId = this.#laneId(index);
    const { worker, incarnation } = this;
    const createdAt = new Date().toISOString();
    const made = await this.#options.initProducer?.(transactionalId);
    const producer = made ?? { producerId: 7n, producerEpoch: 0 };
    const lane = { transactionalId, worker, incarnation, index, target, ...producer, createdAt };
    await this.#store.create(lanePath(transactionalId), encodeLane({ ...lane, state: 'active', http: this.#http }));
  }

  #laneId(index: number): string {
    return laneTransactionalId(this.#options.fleet, this.worker, this.incarnation, index);
  }

  #live(): LiveWorker {
    return {
      worker: this.worker,
      incarnation: this.incarnation,
      zone: '',
      capacity: this.#options.capacity ?? 1,
      http: this.#http,
      version: 'test',
      startedAt: new Date().toISOString(),
      leaving: this.#leaving,
      ...(this.seenEpoch === undefined ? {} : { seenEpoch: this.seenEpoch }),
    };
  }

  #status() {
    const { worker, incarnation } = this;
    const partitions = [...this.held.values()].map(
      (item): PartitionStatus => ({
        route: item.route,
        topic: item.topic,
        partition: item.partition,
        targetTopic: item.targetTopic,
        state: 'running',
        sourceOffset: 10n,
        targetOffset: 10n,
        sourceEndOffset: 17n,
        lagRecords: 7,
        lagSeconds: 1,
        recordsCopied: 10,
        bytesCopied: 100,
        gapRecords: 0,
        recordsPerS: 1,
        bytesPerS: 10,
        thread: 0,
        ...this.says(item),
      }),
    );
    return {
      worker,
      incarnation,
      threads: [],
      epoch: this.applied?.epoch ?? 0,
      generation: this.applied?.generation ?? 0,
      partitions,
    };
  }
}
