import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { BedError } from './bed-error.js';
import { Broker, type BrokerHandle } from './broker.js';
import { type BrokerAddress, brokerConfig, controllerConfig, type FarListener } from './broker-config.js';
import { ControllerNode } from './controller-node.js';
import { freePort } from './free-port.js';
import { type JvmProfile, jvmArgs } from './java-args.js';
import { type AnyKafkaVersion, type KafkaSet, type KafkaVersion, kafkaSet } from './kafka-set.js';
import { type BedSecurity, type ClientSecurity, type PreparedSecurity, prepareSecurity } from './security.js';
import { Workspace } from './workspace.js';

const CONTROLLER_ID = 100;
const CONTROLLER_HEAP_MB = 160;

export interface KafkaClusterOptions {
  /** Names the cluster in errors and folders. */
  readonly name: string;
  /** Default '3.9.1'. */
  readonly version?: KafkaVersion;
  /** 1 to 3; default 1. */
  readonly brokers?: number;
  /** True: a node besides the brokers is the controller, so that a broker's end is survived with two of them. */
  readonly hasOwnController?: boolean;
  /** Broker settings that win over the bed's own. */
  readonly config?: Readonly<Record<string, string>>;
  /** What one broker has besides, `broker.rack` for instance. */
  readonly brokerSettings?: (id: number) => Readonly<Record<string, string>>;
  readonly security?: BedSecurity;
  /** A further plaintext listener, for clients that come through something in between: of one broker, or of each by its id. */
  readonly far?: FarListener | ((broker: number) => FarListener);
  /** Default 'fast'. */
  readonly jvm?: JvmProfile;
  /** Default 320. */
  readonly heapMb?: number;
}

export interface KafkaClusterHandle {
  readonly name: string;
  readonly version: AnyKafkaVersion;
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

/** Starts a KRaft cluster whose brokers are controllers as well (unless `hasOwnController`), and waits until every broker sees all others. */
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
    ...(options.hasOwnController === true ? { controllerAddress: await controllerAddress() } : {}),
    ...(options.security === undefined
      ? {}
      : { security: await prepareSecurity(options.security, workspace.path('tls')) }),
  };
  await format(cluster);
  const brokers = cluster.addresses.map((address) => brokerOf(cluster, address));
  const controller = controllerOf(cluster);
  const stop = async () => {
    await Promise.all([...brokers.map((broker) => broker.discard()), controller?.kill()]);
    workspace.remove();
  };
  try {
    await Promise.all([controller?.start(), ...brokers.map((broker) => broker.start())]);
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
  /** Of the controller that is no broker. */
  readonly controllerAddress?: BrokerAddress;
  readonly security?: PreparedSecurity;
}

function controllerOf({ options, set, workspace, controllerAddress }: ClusterContext): ControllerNode | undefined {
  if (controllerAddress === undefined) return undefined;
  return new ControllerNode({
    name: `controller of cluster "${options.name}" (Kafka ${set.version})`,
    port: controllerAddress.controllerPort,
    set,
    configFile: workspace.path('controller.properties'),
    logFile: workspace.path('controller.log'),
    jvm: jvmArgs(options.jvm ?? 'fast', CONTROLLER_HEAP_MB, set.brokerArchive),
  });
}

function brokerOf({ options, set, workspace, addresses }: ClusterContext, address: BrokerAddress): Broker {
  return new Broker({
    id: address.id,
    name: `broker ${address.id} of cluster "${options.name}" (Kafka ${set.version})`,
    port: address.securedPort ?? address.plaintextPort,
    plaintextPort: address.plaintextPort,
    brokers: addresses.length,
    set,
    workspace,
    configFile: workspace.path(`broker-${address.id}.properties`),
    jvm: jvmArgs(options.jvm ?? 'fast', options.heapMb ?? 320, set.brokerArchive, usesIpv6(options)),
  });
}

function usesIpv6({ security }: KafkaClusterOptions): boolean {
  return (security?.further ?? []).some(({ host }) => host === '::1');
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

/** Only its id and its controller port mean something. */
async function controllerAddress(): Promise<BrokerAddress> {
  return { id: CONTROLLER_ID, plaintextPort: 0, controllerPort: await freePort() };
}

/** What `kafka-storage format` would do, from a template; the tool itself only runs for SCRAM credentials. */
async function format(cluster: ClusterContext): Promise<void> {
  const { workspace, addresses, set, security } = cluster;
  let checkpoint = set.bootstrapCheckpoint;
  const { controllerAddress: controller } = cluster;
  const controllers = controller === undefined ? {} : { controllers: [controller] };
  if (controller !== undefined) {
    const dataDir = workspace.path('data', 'controller');
    const overrides = cluster.options.config ?? {};
    writeFileSync(
      workspace.path('controller.properties'),
      controllerConfig({ broker: controller, dataDir, overrides }),
    );
    writeFormatted(cluster, dataDir, controller.id, checkpoint);
  }
  for (const broker of addresses) {
    const dataDir = workspace.path('data', `broker-${broker.id}`);
    const configFile = workspace.path(`broker-${broker.id}.properties`);
    const { far: asked, config, brokerSettings } = cluster.options;
    const far = typeof asked === 'function' ? asked(broker.id) : asked;
    const overrides = { ...config, ...brokerSettings?.(broker.id) };
    const listeners = { ...(security === undefined ? {} : { security }), ...(far === undefined ? {} : { far }) };
    writeFileSync(
      configFile,
      brokerConfig({ broker, brokers: addresses, ...controllers, dataDir, overrides, ...listeners }),
    );
    mkdirSync(dataDir, { recursive: true });
    if (broker.id === 1 && security !== undefined && security.formatArgs.length > 0) {
      await formatWithTool(cluster, configFile, security.formatArgs);
      checkpoint = workspace.path('data', 'broker-1', 'bootstrap.checkpoint');
      continue;
    }
    writeFormatted(cluster, dataDir, broker.id, checkpoint);
  }
}

function writeFormatted({ clusterId }: ClusterContext, dataDir: string, nodeId: number, checkpoint: string): void {
  mkdirSync(dataDir, { recursive: true });
  copyFileSync(checkpoint, `${dataDir}/bootstrap.checkpoint`);
  const meta = ['version=1', `cluster.id=${clusterId}`, `node.id=${nodeId}`, `directory.id=${randomUuid()}`];
  writeFileSync(`${dataDir}/meta.properties`, `${meta.join('\n')}\n`);
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
