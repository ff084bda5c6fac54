import { BedError } from './bed-error.js';
import { BedChild } from './child.js';
import type { KafkaSet } from './kafka-set.js';
import { aliveBrokers } from './probe.js';
import { waitUntil } from './wait.js';
import type { Workspace } from './workspace.js';

export interface BrokerHandle {
  readonly id: number;
  /** The port clients use: the secured listener's with `security`. */
  readonly port: number;
  readonly plaintextPort: number;
  /** Of the current process; changes with a restart. */
  readonly pid: number;
  readonly logFile: string;
  /** SIGSTOP: sockets stay open, nothing answers. */
  pause(): void;
  resume(): void;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** SIGTERM: a controlled shutdown. */
  stop(): Promise<void>;
  /** Starts a stopped or killed broker again on its port and data, and waits until it serves. */
  start(): Promise<void>;
  /** Kills it unless it is down already, then starts it. */
  restart(): Promise<void>;
}

export interface BrokerOptions {
  readonly id: number;
  /** How errors call it. */
  readonly name: string;
  readonly port: number;
  readonly plaintextPort: number;
  /** How many brokers the cluster has; the first start waits until all see each other. */
  readonly brokers: number;
  readonly set: KafkaSet;
  readonly workspace: Workspace;
  /** Its server.properties. */
  readonly configFile: string;
  /** JVM arguments besides those for logging. */
  readonly jvm: readonly string[];
  /** Awaited before each start. */
  readonly beforeStart?: () => Promise<void>;
}

/** One broker's process: started, killed, and started again on the same ports and data. */
export class Broker implements BrokerHandle {
  readonly id: number;
  readonly port: number;
  readonly plaintextPort: number;
  readonly logFile: string;
  readonly #options: BrokerOptions;
  #child: BedChild | undefined;
  #hasServed = false;

  constructor(options: BrokerOptions) {
    this.#options = options;
    this.id = options.id;
    this.port = options.port;
    this.plaintextPort = options.plaintextPort;
    this.logFile = options.workspace.path(`broker-${options.id}.log`);
  }

  get pid(): number {
    return this.#running().pid;
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

  async stop(): Promise<void> {
    await this.#child?.terminate();
  }

  async restart(): Promise<void> {
    await this.kill();
    await this.start();
  }

  async start(): Promise<void> {
    if (this.#child !== undefined && this.#child.status === undefined) return;
    const { set, name, jvm, configFile, brokers, beforeStart } = this.#options;
    await beforeStart?.();
    const child = BedChild.start({
      name,
      command: set.java,
      args: [...jvm, ...set.loggingArgs, '-cp', set.classpath, 'kafka.Kafka', configFile],
      logFile: this.logFile,
    });
    this.#child = child;
    // A restarted broker may be alone with the others down: then nobody else is to be waited for.
    const isFirstStart = !this.#hasServed;
    const seen = async () => {
      const alive = await aliveBrokers(this.plaintextPort);
      return isFirstStart ? alive.length === brokers : alive.includes(this.id);
    };
    await waitUntil(`${name} serves`, seen, { child });
    this.#hasServed = true;
  }

  /** For the end of the whole cluster; an end that nobody asked for keeps the logs. */
  async discard(): Promise<void> {
    const status = this.#child?.status;
    if (status !== undefined && status.signal === null && status.code !== 0 && status.code !== 143) {
      this.#options.workspace.markFailed();
    }
    await this.#child?.kill();
  }

  #running(): BedChild {
    if (this.#child === undefined || this.#child.status !== undefined)
      throw new BedError(`broker ${this.id} is not running`, this.logFile);
    return this.#child;
  }
}
