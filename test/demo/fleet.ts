import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { BedChild, type ExitStatus } from '../bed/child.js';
import { freePort } from '../bed/free-port.js';
import { waitUntil } from '../bed/wait.js';

const CLI = fileURLToPath(new URL('../../cli/main.js', import.meta.url));
/** At-least-once takes a dead worker's partitions over when its last request has surely ended: this long after its death. */
const REQUEST_TIMEOUT_MS = 5_000;
const READY_LIMIT_MS = 30_000;
const STOP_LIMIT_MS = 25_000;
/** The one route of a fleet, unless more are asked for. */
export const ROUTE = 'demo';
export const FLEET = 'demo';

export interface FleetOptions {
  /** Configurations and logs go here. */
  readonly folder: string;
  readonly source: { readonly bootstrapServers: string };
  readonly target: { readonly bootstrapServers: string };
  readonly zooKeeperConnect: string;
  /** Settings of the configuration's sections that win over the fleet's own. */
  readonly route?: Readonly<Record<string, unknown>>;
  /** Further routes, as a configuration has them, between `source` and `target`. */
  readonly routes?: Readonly<Record<string, unknown>>;
  readonly controller?: Readonly<Record<string, unknown>>;
  readonly worker?: Readonly<Record<string, unknown>>;
  /** Of every process with ZooKeeper; 4 s unless given. */
  readonly sessionTimeoutMs?: number;
  /** How one process reaches what is around it, where not as all do. */
  readonly reach?: (kind: ProcessKind, id: string) => FleetReach;
}

/** Addresses that one process is given instead of the fleet's. */
export type FleetReach = Partial<Pick<FleetOptions, 'source' | 'target' | 'zooKeeperConnect'>>;

export type ProcessKind = 'controller' | 'worker';

/** A controller or worker as its users run it: a process of its own with a configuration file. */
export class FleetProcess {
  readonly kind: ProcessKind;
  readonly id: string;
  /** `http://127.0.0.1:port`. */
  readonly url: string;
  readonly #child: BedChild;

  constructor(kind: ProcessKind, id: string, url: string, child: BedChild) {
    this.kind = kind;
    this.id = id;
    this.url = url;
    this.#child = child;
  }

  get isRunning(): boolean {
    return this.#child.status === undefined;
  }

  /** How it ended; undefined while it runs. */
  get exit(): ExitStatus | undefined {
    return this.#child.status;
  }

  get logFile(): string {
    return this.#child.logFile;
  }

  get pid(): number {
    return this.#child.pid;
  }

  async ready(): Promise<void> {
    const isReady = async (): Promise<boolean> =>
      (await fetch(`${this.url}/readyz`, { signal: AbortSignal.timeout(1_000) })).ok;
    await waitUntil(`${this.kind} ${this.id} is ready`, isReady, { timeoutMs: READY_LIMIT_MS, child: this.#child });
  }

  /** SIGTERM, and waits for the end; the exit status, null where a signal ended it. */
  async terminate(): Promise<number | null> {
    return (await this.#child.terminate(STOP_LIMIT_MS)).code;
  }

  /** SIGKILL. */
  kill(): Promise<void> {
    return this.#child.kill();
  }

  pause(): void {
    this.#child.pause();
  }

  resume(): void {
    this.#child.resume();
  }
}

/** Controllers and workers of one fleet that mirrors `source` to `target` over the route `ROUTE`. */
export class Fleet {
  readonly #options: FleetOptions;
  readonly #processes: FleetProcess[] = [];

  constructor(options: FleetOptions) {
    this.#options = options;
    mkdirSync(options.folder, { recursive: true });
  }

  /** Those that run, in order of their start. */
  running(kind: ProcessKind): FleetProcess[] {
    return this.#processes.filter((process) => process.kind === kind && process.isRunning);
  }

  /** Starts a process and does not wait for it to be ready. */
  async start(kind: ProcessKind, id: string): Promise<FleetProcess> {
    const port = await freePort();
    const file = join(this.#options.folder, `${id}.yaml`);
    writeFileSync(file, stringify(this.#config(kind, id, port)));
    const logFile = join(this.#options.folder, `${id}.log`);
    const child = BedChild.start({
      name: `${kind} ${id}`,
      command: process.execPath,
      args: [CLI, kind, '-c', file],
      logFile,
    });
    const started = new FleetProcess(kind, id, `http://127.0.0.1:${port}`, child);
    this.#processes.push(started);
    return started;
  }

  /** SIGTERM to the workers, then to the controllers; SIGKILL to whoever takes too long. */
  async stop(): Promise<void> {
    await Promise.all(this.running('worker').map((worker) => worker.terminate()));
    await Promise.all(this.running('controller').map((controller) => controller.terminate()));
  }

  /** SIGKILL to all. */
  async kill(): Promise<void> {
    await Promise.all(this.#processes.filter((process) => process.isRunning).map((process) => process.kill()));
  }

  #config(kind: ProcessKind, id: string, port: number): Record<string, unknown> {
    const { route, routes, controller, worker, reach, sessionTimeoutMs = 4_000 } = this.#options;
    const { source, target, zooKeeperConnect } = { ...this.#options, ...reach?.(kind, id) };
    const cluster = (bootstrapServers: string) => ({
      bootstrap: bootstrapServers.split(','),
      requestTimeoutMs: REQUEST_TIMEOUT_MS,
    });
    return {
      fleet: FLEET,
      coordination: {
        type: 'zookeeper',
        zookeeper: { connect: zooKeeperConnect, root: '/causeway', sessionTimeoutMs },
      },
      clusters: { source: cluster(source.bootstrapServers), target: cluster(target.bootstrapServers) },
      routes: { [ROUTE]: { source: 'source', target: 'target', naming: { policy: 'identity' }, ...route }, ...routes },
      [kind]: { id, http: { host: '127.0.0.1', port }, ...(kind === 'controller' ? controller : worker) },
      logging: { level: 'info' },
    };
  }
}
