import { CausewayError, isCausewayError } from '../../errors/error.js';
import type { ClusterConnection } from '../../model/cluster.js';
import type { Logger } from '../../observability/logger.js';
import type { Clock } from '../../runtime/clock.js';
import { type Closable, lifetime } from '../../runtime/lifecycle.js';
import type { Random } from '../../runtime/random.js';
import { type BrokerAddress, formatAddress, parseAddress } from './address.js';
import type { CoordinatorKind } from './apis/find-coordinator.js';
import { METADATA, type MetadataBroker, type MetadataPartition, type MetadataTopic } from './apis/metadata.js';
import { call, isTransient } from './call.js';
import { BrokerConnection } from './connection.js';
import { ConnectionSlot } from './connection-slot.js';
import { CoordinatorFinder } from './coordinator-finder.js';
import { FailureRecord } from './failure-record.js';
import { GatheredMetadata } from './gathered-metadata.js';

export interface ClusterClientOptions {
  readonly cluster: ClusterConnection;
  readonly clientId: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Called for each connection that is ready; for the metric. */
  readonly onConnect?: () => void;
  /** Called when a broker throttles a connection, with the time; for the metric. */
  readonly onThrottle?: (throttleMs: number) => void;
}

export type PartitionMetadata = MetadataPartition;
export type TopicMetadata = MetadataTopic;

export interface ClusterMetadata {
  readonly clusterId: string | null;
  /** -1: none. */
  readonly controllerId: number;
  readonly brokers: ReadonlyMap<number, MetadataBroker>;
  /** By name; a topic that was asked for and is not there has an error code. */
  readonly topics: ReadonlyMap<string, TopicMetadata>;
}

/** A request that any broker can answer is tried on this many connections: one may have gone stale unnoticed, one may hang. */
const ANY_BROKER_ATTEMPTS = 3;
const METADATA_TIMEOUT_MS = 10_000;
/**
 * After this long another broker is asked. One that lost its peers, and we did not lose, tells of the cluster as it was, for as long
 * as anybody asks it.
 */
const ANY_BROKER_STAY_MS = 60_000;

/** The connections to one cluster, and the questions that any of its brokers can answer. */
export class ClusterClient implements Closable {
  readonly #options: ClusterClientOptions;
  readonly #bootstrap: readonly BrokerAddress[];
  readonly #slots = new Map<string, ConnectionSlot>();
  readonly #anySlot = new ConnectionSlot(() => this.#dialAny());
  #any: { readonly connection: BrokerConnection; readonly untilMs: number } | undefined;
  readonly #coordinators: CoordinatorFinder;
  readonly #brokerFailures: FailureRecord<number>;
  readonly #addressFailures: FailureRecord<string>;
  readonly #clusterFailures: FailureRecord<'cluster'>;
  readonly #closing = lifetime();
  readonly #gathered = new GatheredMetadata<MetadataTopic, ClusterMetadata>((topics) => this.#askMetadata(topics));
  #brokers: ReadonlyMap<number, MetadataBroker> = new Map();

  /** @throws CONFIG_INVALID for an address that is none. */
  constructor(options: ClusterClientOptions) {
    this.#options = options;
    this.#bootstrap = options.cluster.bootstrap.map(parseAddress);
    this.#brokerFailures = new FailureRecord(options.clock, options.random);
    this.#addressFailures = new FailureRecord(options.clock, options.random);
    this.#clusterFailures = new FailureRecord(options.clock, options.random);
    this.#coordinators = new CoordinatorFinder({
      requestTimeoutMs: options.cluster.requestTimeoutMs,
      clock: options.clock,
      random: options.random,
      place: { cluster: options.cluster.name },
      onAny: (use) => this.#onAny(use),
    });
  }

  get cluster(): ClusterConnection {
    return this.#options.cluster;
  }

  get clock(): Clock {
    return this.#options.clock;
  }

  get random(): Random {
    return this.#options.random;
  }

  /**
   * The connection to this broker for this purpose: one per pair, opened when needed. After failures the attempt first waits, longer
   * each time, and looks the broker's address up again.
   * @throws CLUSTER_UNREACHABLE, KAFKA_AUTH_FAILED, UNSUPPORTED_BROKER, KAFKA_PROTOCOL, SHUTTING_DOWN
   */
  connection(brokerId: number, purpose: string): Promise<BrokerConnection> {
    const key = `${brokerId}/${purpose}`;
    let slot = this.#slots.get(key);
    if (slot === undefined) {
      slot = new ConnectionSlot(() => this.#dialBroker(brokerId));
      this.#slots.set(key, slot);
    }
    return slot.get();
  }

  /** A connection to some broker: a known one, else one of the bootstrap list, whose names are resolved anew each time. */
  anyConnection(): Promise<BrokerConnection> {
    const any = this.#any;
    const others = this.#brokers.size > 1;
    if (any !== undefined && others && this.clock.monotonicMs() >= any.untilMs && any.connection.inFlight === 0) {
      this.#any = undefined;
      any.connection.close();
    }
    return this.#anySlot.get();
  }

  /** Metadata of these topics (none for an empty list). Topics are never created by asking. */
  metadata(topics: readonly string[] | 'all'): Promise<ClusterMetadata> {
    return topics === 'all' ? this.#askMetadata(topics) : this.#gathered.of(topics);
  }

  async #askMetadata(topics: readonly string[] | 'all'): Promise<ClusterMetadata> {
    const request = { topics: topics === 'all' ? null : topics };
    // A broker that hangs must not hide where its partitions have gone.
    const timeoutMs = Math.min(this.cluster.requestTimeoutMs, METADATA_TIMEOUT_MS);
    const response = await this.#onAny((connection) => call(connection, METADATA, request, { timeoutMs }));
    const brokers = new Map(response.brokers.map((broker) => [broker.id, broker]));
    if (brokers.size > 0) this.#brokers = brokers;
    return {
      clusterId: response.clusterId,
      controllerId: response.controllerId,
      brokers,
      topics: new Map(response.topics.map((topic) => [topic.name, topic])),
    };
  }

  /**
   * The broker that coordinates this group or transactional id; remembered until `forgetCoordinator`.
   * Asking also makes the broker create the internal topic behind it. Retries what Kafka calls temporary within requestTimeoutMs.
   */
  async coordinator(kind: CoordinatorKind, key: string): Promise<number> {
    const node = await this.#coordinators.find(kind, key);
    if (!this.#brokers.has(node.id)) this.#brokers = new Map(this.#brokers).set(node.id, node);
    return node.id;
  }

  /** After NOT_COORDINATOR, or when it cannot be reached: the next `coordinator` asks again. */
  forgetCoordinator(kind: CoordinatorKind, key: string): void {
    this.#coordinators.forget(kind, key);
  }

  /** Closes all connections; whatever is asked from now on fails with SHUTTING_DOWN. */
  close(): Promise<void> {
    this.#closing.abort();
    const error = this.#shuttingDown();
    this.#anySlot.close(error);
    for (const slot of this.#slots.values()) slot.close(error);
    return Promise.resolve();
  }

  async #onAny<T>(use: (connection: BrokerConnection) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      const connection = await this.anyConnection();
      try {
        return await use(connection);
      } catch (error) {
        if (!isTransient(error) || attempt === ANY_BROKER_ATTEMPTS) throw error;
        this.#addressFailures.failed(connection.address);
      }
    }
  }

  async #dialBroker(brokerId: number): Promise<BrokerConnection> {
    await this.#brokerFailures.due(brokerId, this.#closing.signal);
    // It may have come back at another address.
    const known = this.#brokerFailures.has(brokerId) ? undefined : this.#brokers.get(brokerId);
    const address = known ?? (await this.metadata([])).brokers.get(brokerId);
    if (address === undefined) {
      this.#brokerFailures.failed(brokerId);
      throw new CausewayError('CLUSTER_UNREACHABLE', `broker ${brokerId} is not part of the cluster at the moment`, {
        place: { cluster: this.cluster.name },
        fix: 'Check whether the broker is up and registered.',
      });
    }
    try {
      const connection = await this.#dial(address);
      this.#brokerFailures.succeeded(brokerId);
      return connection;
    } catch (error) {
      this.#brokerFailures.failed(brokerId);
      throw error;
    }
  }

  /** Tries every address that is known, those that failed longest ago first; then says which were tried. */
  async #dialAny(): Promise<BrokerConnection> {
    await this.#clusterFailures.due('cluster', this.#closing.signal);
    const faults: CausewayError[] = [];
    for (const address of this.#candidates()) {
      try {
        const connection = await this.#dial(address);
        this.#clusterFailures.succeeded('cluster');
        this.#any = { connection, untilMs: this.clock.monotonicMs() + ANY_BROKER_STAY_MS };
        return connection;
      } catch (error) {
        if (!isCausewayError(error) || error.code === 'SHUTTING_DOWN') throw error;
        faults.push(error);
      }
    }
    this.#clusterFailures.failed('cluster');
    throw this.#unreachable(faults);
  }

  #candidates(): readonly BrokerAddress[] {
    const shuffled = [...this.#brokers.values()].map((broker) => ({ broker, rank: this.#options.random.unit() }));
    const known = shuffled.sort((a, b) => a.rank - b.rank).map(({ broker }) => broker);
    const unique = new Map([...known, ...this.#bootstrap].map((address) => [formatAddress(address), address]));
    const failedAtMs = (address: BrokerAddress): number => this.#addressFailures.failedAtMs(formatAddress(address));
    return [...unique.values()].sort((a, b) => failedAtMs(a) - failedAtMs(b));
  }

  async #dial(address: BrokerAddress): Promise<BrokerConnection> {
    if (this.#closing.signal.aborted) throw this.#shuttingDown();
    const name = formatAddress(address);
    let connection: BrokerConnection;
    try {
      connection = await BrokerConnection.open({ ...this.#options, host: address.host, port: address.port });
    } catch (error) {
      this.#addressFailures.failed(name);
      throw error;
    }
    this.#addressFailures.succeeded(name);
    if (this.#closing.signal.aborted) {
      connection.close(this.#shuttingDown());
      throw this.#shuttingDown();
    }
    return connection;
  }

  /** One error for all addresses; a refused login explains more than a refused connection. */
  #unreachable(faults: readonly CausewayError[]): CausewayError {
    const worst = faults.find((fault) => fault.code === 'KAFKA_AUTH_FAILED') ?? faults[0];
    const tried = faults.map((fault) => `${fault.place.address ?? '?'} (${fault.message})`).join('; ');
    const code = worst === undefined || isTransient(worst) ? 'CLUSTER_UNREACHABLE' : worst.code;
    return new CausewayError(code, `no broker of cluster ${this.cluster.name} could be used; tried ${tried}`, {
      place: { cluster: this.cluster.name },
      fix: worst?.fix ?? 'Check the cluster’s bootstrap list.',
      ...(worst === undefined ? {} : { cause: worst }),
    });
  }

  #shuttingDown(): CausewayError {
    return new CausewayError('SHUTTING_DOWN', 'the client of this cluster is closed', {
      place: { cluster: this.cluster.name },
    });
  }
}
