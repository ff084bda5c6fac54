import { mkdirSync, writeFileSync } from 'node:fs';
import { BedError } from './bed-error.js';
import { BedChild } from './child.js';
import { freePort } from './free-port.js';
import { type JvmProfile, jvmArgs } from './java-args.js';
import { type KafkaSet, kafkaSet } from './kafka-set.js';
import { zooKeeperServes } from './probe.js';
import { waitUntil } from './wait.js';
import { Workspace } from './workspace.js';

export interface ZooKeeperOptions {
  /** Default 'zookeeper'. */
  readonly name?: string;
  /** Default 500; sessions may last 2 ticks to 60 s. */
  readonly tickTimeMs?: number;
  /** Lines of zoo.cfg that win over the bed's own. */
  readonly config?: Readonly<Record<string, string>>;
  /** Default `fast`. */
  readonly jvm?: JvmProfile;
  /** Default 128. */
  readonly heapMb?: number;
  /** Java system properties. */
  readonly systemProperties?: Readonly<Record<string, string>>;
}

export interface ZooKeeperHandle {
  /** `host:port`. */
  readonly connect: string;
  readonly port: number;
  /** Of the current process; changes with a restart. */
  readonly pid: number;
  readonly logFile: string;
  /** Snapshots and transaction logs; to be copied or replaced while it is down. */
  readonly dataDir: string;
  /** SIGSTOP: sockets stay open, nothing answers. */
  pause(): void;
  resume(): void;
  /** SIGKILL; the data stays. */
  kill(): Promise<void>;
  /** Starts it again on its port and data, and waits until it serves. */
  start(): Promise<void>;
  /** Kills it unless it is down already, then starts it. */
  restart(): Promise<void>;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
}

/** Starts one standalone ZooKeeper 3.8 and waits until it serves. */
export async function startZooKeeper(options: ZooKeeperOptions = {}): Promise<ZooKeeperHandle> {
  const set = await kafkaSet('3.9.1');
  const zooKeeper = new ZooKeeper(options, set, await freePort());
  try {
    await zooKeeper.start();
  } catch (error) {
    zooKeeper.markFailed();
    await zooKeeper.stop();
    throw error;
  }
  return zooKeeper;
}

class ZooKeeper implements ZooKeeperHandle {
  readonly port: number;
  readonly logFile: string;
  readonly #set: KafkaSet;
  readonly #workspace: Workspace;
  readonly #javaProperties: readonly string[];
  readonly #jvm: readonly string[];
  #child: BedChild | undefined;

  constructor(options: ZooKeeperOptions, set: KafkaSet, port: number) {
    this.#set = set;
    this.port = port;
    this.#workspace = new Workspace(options.name ?? 'zookeeper');
    this.#jvm = jvmArgs(options.jvm ?? 'fast', options.heapMb ?? 128, set.brokerArchive);
    this.logFile = this.#workspace.path('zookeeper.log');
    this.#javaProperties = Object.entries({
      'zookeeper.admin.enableServer': 'false',
      'zookeeper.preAllocSize': '1024',
      // A killed process loses nothing of the page cache; only a machine that loses power would need the fsync.
      'zookeeper.forceSync': 'no',
      ...options.systemProperties,
    }).map(([key, value]) => `-D${key}=${value}`);
    mkdirSync(this.#workspace.path('data'), { recursive: true });
    const config = {
      tickTime: String(options.tickTimeMs ?? 500),
      dataDir: this.#workspace.path('data'),
      clientPort: String(port),
      clientPortAddress: '127.0.0.1',
      maxClientCnxns: '0',
      maxSessionTimeout: '60000',
      '4lw.commands.whitelist': '*',
      ...options.config,
    };
    const lines = Object.entries(config).map(([key, value]) => `${key}=${value}`);
    writeFileSync(this.#workspace.path('zoo.cfg'), `${lines.join('\n')}\n`);
  }

  get dataDir(): string {
    return this.#workspace.path('data');
  }

  get connect(): string {
    return `127.0.0.1:${this.port}`;
  }

  get pid(): number {
    return this.#running().pid;
  }

  async start(): Promise<void> {
    if (this.#child !== undefined && this.#child.status === undefined) return;
    const jvm = [...this.#jvm, ...this.#set.loggingArgs, ...this.#javaProperties];
    const main = [
      '-cp',
      this.#set.classpath,
      'org.apache.zookeeper.server.ZooKeeperServerMain',
      this.#workspace.path('zoo.cfg'),
    ];
    const child = BedChild.start({
      name: 'ZooKeeper',
      command: this.#set.java,
      args: [...jvm, ...main],
      logFile: this.logFile,
    });
    this.#child = child;
    await waitUntil('ZooKeeper serves', () => zooKeeperServes(this.port), { child });
  }

  pause(): void {
    this.#running().pause();
  }

  resume(): void {
    this.#running().resume();
  }

  async kill(): Promise<void> {
    await this.#child?.kill();
  }

  async restart(): Promise<void> {
    await this.kill();
    await this.start();
  }

  async stop(): Promise<void> {
    await this.#child?.kill();
    this.#workspace.remove();
  }

  markFailed(): void {
    this.#workspace.markFailed();
  }

  #running(): BedChild {
    if (this.#child === undefined || this.#child.status !== undefined)
      throw new BedError('ZooKeeper is not running', this.logFile);
    return this.#child;
  }
}
