import { type BedSecurity, type PreparedSecurity, securedListener } from './security.js';

export interface BrokerAddress {
  readonly id: number;
  /** Listener between brokers, and for clients of a cluster without `security`. */
  readonly plaintextPort: number;
  readonly controllerPort: number;
  readonly securedPort?: number;
}

/**
 * For brokers of hundreds of partitions. A broker maps two index files for each, of 10 MB and nearly all holes; whenever the machine has taken
 * their pages back, looking something up fills them with zeros again, gigabytes of them: seconds in which the broker answers nobody.
 */
export const SMALL_INDEXES: Readonly<Record<string, string>> = { 'log.index.size.max.bytes': '65536' };

/** Where a broker listens for those who come through something in between, and what it tells them to connect to. */
export interface FarListener {
  readonly port: number;
  readonly advertisedPort: number;
}

export interface BrokerConfigInput {
  readonly broker: BrokerAddress;
  readonly brokers: readonly BrokerAddress[];
  /** The nodes that make up the quorum, where those are not the brokers. */
  readonly controllers?: readonly BrokerAddress[];
  readonly dataDir: string;
  readonly security?: PreparedSecurity;
  readonly far?: FarListener;
  /** Wins over everything set here. */
  readonly overrides: Readonly<Record<string, string>>;
}

/** The server.properties of a node that is controller and no broker. */
export function controllerConfig({
  broker,
  dataDir,
  overrides,
}: Pick<BrokerConfigInput, 'broker' | 'dataDir' | 'overrides'>): string {
  const settings = {
    'process.roles': 'controller',
    'node.id': String(broker.id),
    ...quorum([broker]),
    listeners: `CONTROLLER://${address(broker.controllerPort)}`,
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT',
    'log.dirs': dataDir,
    ...smallAndFast(1),
    ...overrides,
  };
  return propertiesOf(settings);
}

const address = (port: number): string => `127.0.0.1:${port}`;

function quorum(nodes: readonly BrokerAddress[]): Record<string, string> {
  return {
    'controller.quorum.voters': nodes.map((node) => `${node.id}@${address(node.controllerPort)}`).join(','),
    'controller.listener.names': 'CONTROLLER',
  };
}

function propertiesOf(settings: Readonly<Record<string, string>>): string {
  const lines = Object.entries(settings).map(([key, value]) => `${key}=${value}`);
  return `${lines.join('\n')}\n`;
}

/** The server.properties of one broker, which is controller as well unless `controllers` says who is. */
export function brokerConfig(input: BrokerConfigInput): string {
  const settings = {
    ...nodeConfig(input),
    ...smallAndFast(input.brokers.length),
    ...input.security?.brokerConfig,
    ...input.overrides,
  };
  return propertiesOf(settings);
}

function nodeConfig(input: BrokerConfigInput): Record<string, string> {
  const { broker, brokers, controllers, dataDir, security, far } = input;
  const clientListeners = [`PLAINTEXT://${address(broker.plaintextPort)}`];
  const protocols = ['PLAINTEXT:PLAINTEXT', 'CONTROLLER:PLAINTEXT'];
  if (security !== undefined && broker.securedPort !== undefined) {
    const protocol: BedSecurity['protocol'] = security.client.protocol;
    clientListeners.push(`${securedListener}://${address(broker.securedPort)}`);
    protocols.push(`${securedListener}:${protocol}`);
  }
  for (const { name, protocol, port, host } of security?.further ?? []) {
    clientListeners.push(`${name}://${host === '::1' ? `[::1]:${port}` : address(port)}`);
    protocols.push(`${name}:${protocol}`);
  }
  const advertised = [...clientListeners];
  if (far !== undefined) {
    clientListeners.push(`FAR://${address(far.port)}`);
    advertised.push(`FAR://${address(far.advertisedPort)}`);
    protocols.push('FAR:PLAINTEXT');
  }
  return {
    'process.roles': controllers === undefined ? 'broker,controller' : 'broker',
    'node.id': String(broker.id),
    ...quorum(controllers ?? brokers),
    listeners: [
      ...clientListeners,
      ...(controllers === undefined ? [`CONTROLLER://${address(broker.controllerPort)}`] : []),
    ].join(','),
    'advertised.listeners': advertised.join(','),
    'listener.security.protocol.map': protocols.join(','),
    'inter.broker.listener.name': 'PLAINTEXT',
    'log.dirs': dataDir,
  };
}

function smallAndFast(brokerCount: number): Record<string, string> {
  const replication = String(Math.min(brokerCount, 3));
  const minIsr = brokerCount >= 3 ? '2' : '1';
  return {
    // Loopback with pinned buffers stalls Java clients for hundreds of milliseconds; -1 leaves them to the kernel.
    'socket.send.buffer.bytes': '-1',
    'socket.receive.buffer.bytes': '-1',
    'replica.socket.receive.buffer.bytes': '-1',
    'num.network.threads': '2',
    'num.io.threads': '4',
    'auto.create.topics.enable': 'false',
    'offsets.topic.num.partitions': '4',
    'offsets.topic.replication.factor': replication,
    'transaction.state.log.num.partitions': '4',
    'transaction.state.log.replication.factor': replication,
    'transaction.state.log.min.isr': minIsr,
    'share.coordinator.state.topic.replication.factor': replication,
    'share.coordinator.state.topic.min.isr': minIsr,
    'group.initial.rebalance.delay.ms': '0',
    'group.min.session.timeout.ms': '1000',
    // Tests write records with timestamps of any time.
    'log.retention.ms': '-1',
    'log.segment.delete.delay.ms': '1000',
    // The cleaner's default buffer alone is 128 MiB of heap.
    'log.cleaner.dedupe.buffer.size': '4194304',
    'broker.heartbeat.interval.ms': '500',
    // A killed broker is let in again only once its old session is over.
    'broker.session.timeout.ms': '3000',
  };
}
