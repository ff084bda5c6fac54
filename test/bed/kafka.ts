import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { BedError } from './bed-error.js';
import { type BrokerAddress, brokerConfig } from './broker-config.js';
import { BedChild } from './child.js';
import { freePort } from './free-port.js';
import { type JvmProfile, jvmArgs } from './java-args.js';
import { type KafkaSet, type KafkaVersion, kafkaSet } from './kafka-set.js';
import { aliveBrokers } from './probe.js';
import { type BedSecurity, type ClientSecurity, type PreparedSecurity, prepareSecurity } from './security.js';
import { waitUntil } from './wait.js';
import { Workspace } from './workspace.js';

export interface KafkaClusterOptions {
  /** Names the cluster in errors and folders. */
  readonly name: string;
  /** Default '3.9.1'. */
  readonly version?: KafkaVersion;
  /** 1 to 3; default 1. */
  readonly brokers?: number;
  /** Broker settings that win over the bed's own. */
  readonly config?: Readonly<Record<string, string>>;
  readonly security?: BedSecurity;
  /** Default 'fast'. */
  readonly jvm?: JvmProfile;
  /** Default 320. */
  readonly heapMb?: number;
}

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

export interface KafkaClusterHandle {
  readonly name: string;
  readonly version: KafkaVersion;
  readonly clusterId: string;
  /** `host:port,...` for clients: the secured listeners with `security`. */
  readonly bootstrapServers: string;
  /** Always there, without authentication: for tools of a test. */
  readonly plaintextBootstrapServers: string;
  readonly brokers: readonly BrokerHandle[];
  /** How clients connect; only with `security`. */
  readonly security?: ClientSecurity;
  /** Kills the brokers and removes their data. */
  stop(): Promise<void>;
}

/** Starts a KRaft cluster whose nodes are broker and controller at once, and waits until every broker sees all others. */
export async function startKafkaCluster(options: KafkaClusterOptions): Promise<KafkaClusterHandle> {
  const count = options.brokers ?? 1;
  if (!Number.isInteger(count) || count < 1 || count > 3)
    throw new BedError(`a bed cluster has 1 to 3 brokers, not ${count}`);
  const set = await kafkaSet(options.version ?? '3.9.1');
  const workspace = new Workspace(options.name);
  const cluster: ClusterContext = {
    options,
    set,
    workspace,
    clusterId: randomUuid(),
    addresses: await chooseAddresses(count, options.security !== undefined),
    ...(options.security === undefined
      ? {}
      : { security: await prepareSecurity(options.security, workspace.path('tls')) }),
  };
  await format(cluster);
  const brokers = cluster.addresses.map((address) => new Broker(cluster, address));
  const stop = async () => {
    await Promise.all(brokers.map((broker) => broker.discard()));
    workspace.remove();
  };
  try {
    await Promise.all(brokers.map((broker) => broker.start()));
  } catch (error) {
    workspace.markFailed();
    await stop();
    throw error;
  }
  return handleOf(cluster, brokers, stop);
}

interface ClusterContext {
  readonly options: KafkaClusterOptions;
  readonly set: KafkaSet;
  readonly workspace: Workspace;
  readonly clusterId: string;
  readonly addresses: readonly BrokerAddress[];
  readonly security?: PreparedSecurity;
}

class Broker implements BrokerHandle {
  readonly id: number;
  readonly port: number;
  readonly plaintextPort: number;
  readonly logFile: string;
  readonly #cluster: ClusterContext;
  #child: BedChild | undefined;

  constructor(cluster: ClusterContext, address: BrokerAddress) {
    this.#cluster = cluster;
    this.id = address.id;
    this.plaintextPort = address.plaintextPort;
    this.port = address.securedPort ?? address.plaintextPort;
    this.logFile = cluster.workspace.path(`broker-${address.id}.log`);
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
    const { set, options, addresses, workspace } = this.#cluster;
    const name = `broker ${this.id} of cluster "${options.name}" (Kafka ${set.version})`;
    const jvm = jvmArgs(options.jvm ?? 'fast', options.heapMb ?? 320, set.brokerArchive);
    const config = workspace.path(`broker-${this.id}.properties`);
    const child = BedChild.start({
      name,
      command: set.java,
      args: [...jvm, ...set.loggingArgs, '-cp', set.classpath, 'kafka.Kafka', config],
      logFile: this.logFile,
    });
    this.#child = child;
    // A restarted broker may be alone with the others down: then nobody else is to be waited for.
    const isFirstStart = !this.#hasServed;
    const seen = async () => {
      const alive = await aliveBrokers(this.plaintextPort);
      return isFirstStart ? alive.length === addresses.length : alive.includes(this.id);
    };
    await waitUntil(`${name} serves`, seen, { child });
    this.#hasServed = true;
  }

  #hasServed = false;

  /** For the end of the whole cluster; an end that nobody asked for keeps the logs. */
  async discard(): Promise<void> {
    const status = this.#child?.status;
    if (status !== undefined && status.signal === null && status.code !== 0 && status.code !== 143) {
      this.#cluster.workspace.markFailed();
    }
    await this.#child?.kill();
  }

  #running(): BedChild {
    if (this.#child === undefined || this.#child.status !== undefined)
      throw new BedError(`broker ${this.id} is not running`, this.logFile);
    return this.#child;
  }
}

function handleOf(cluster: ClusterContext, brokers: readonly Broker[], stop: () => Promise<void>): KafkaClusterHandle {
  return {
    name: cluster.options.name,
    version: cluster.set.version,
    clusterId: cluster.clusterId,
    bootstrapServers: brokers.map((broker) => `127.0.0.1:${broker.port}`).join(','),
    plaintextBootstrapServers: brokers.map((broker) => `127.0.0.1:${broker.plaintextPort}`).join(','),
    brokers,
    ...(cluster.security === undefined ? {} : { security: cluster.security.client }),
    stop,
  };
}

async function chooseAddresses(count: number, isSecured: boolean): Promise<BrokerAddress[]> {
  const addresses: BrokerAddress[] = [];
  for (let id = 1; id <= count; id += 1) {
    const ports = { plaintextPort: await freePort(), controllerPort: await freePort() };
    addresses.push({ id, ...ports, ...(isSecured ? { securedPort: await freePort() } : {}) });
  }
  return addresses;
}

/** What `kafka-storage format` would do, from a template; the tool itself only runs for SCRAM credentials. */
async function format(cluster: ClusterContext): Promise<void> {
  const { workspace, addresses, set, security } = cluster;
  let checkpoint = set.bootstrapCheckpoint;
  for (const broker of addresses) {
    const dataDir = workspace.path('data', `broker-${broker.id}`);
    const configFile = workspace.path(`broker-${broker.id}.properties`);
    const overrides = cluster.options.config ?? {};
    writeFileSync(
      configFile,
      brokerConfig({ broker, brokers: addresses, dataDir, overrides, ...(security === undefined ? {} : { security }) }),
    );
    mkdirSync(dataDir, { recursive: true });
    if (broker.id === 1 && security !== undefined && security.formatArgs.length > 0) {
      await formatWithTool(cluster, configFile, security.formatArgs);
      checkpoint = workspace.path('data', 'broker-1', 'bootstrap.checkpoint');
      continue;
    }
    copyFileSync(checkpoint, `${dataDir}/bootstrap.checkpoint`);
    const meta = [
      'version=1',
      `cluster.id=${cluster.clusterId}`,
      `node.id=${broker.id}`,
      `directory.id=${randomUuid()}`,
    ];
    writeFileSync(`${dataDir}/meta.properties`, `${meta.join('\n')}\n`);
  }
}

async function formatWithTool(
  { set, clusterId }: ClusterContext,
  configFile: string,
  extra: readonly string[],
): Promise<void> {
  const jvm = [...jvmArgs('fast', 128, set.brokerArchive), ...set.loggingArgs, '-cp', set.classpath];
  const args = ['kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', configFile, ...extra];
  try {
    await promisify(execFile)(set.java, [...jvm, ...args], { timeout: 60_000 });
  } catch (error) {
    throw new BedError(`kafka-storage format failed: ${String(error)}`, undefined, { cause: error });
  }
}

/** Kafka's Uuid: 16 random bytes in base64url that do not start with a dash. */
function randomUuid(): string {
  for (;;) {
    const id = randomBytes(16).toString('base64url');
    if (!id.startsWith('-')) return id;
  }
}
