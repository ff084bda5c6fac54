import { CausewayError } from '../../../common/errors/error.js';
import { API_SPECS, ApiKey } from '../../../common/kafka/wire/api-keys.js';
import type { ProduceRequest } from '../../../common/kafka/wire/apis/produce.js';
import type { BrokerConnection, ConnectionOptions, RequestOptions } from '../../../common/kafka/wire/connection.js';
import {
  type ConnectionPlace,
  closedByUs,
  connectionLost,
  requestTimeout,
  unsupported,
} from '../../../common/kafka/wire/connection-faults.js';
import { PendingRequests } from '../../../common/kafka/wire/pending-requests.js';
import type { Actor } from '../kernel/actor.js';
import type { Link } from '../kernel/link.js';
import type { Network } from '../kernel/network.js';
import type { Trace } from '../kernel/trace.js';
import type { ProducerCheck } from '../producer-check.js';
import { answer } from './broker.js';
import type { Broker, KafkaCluster } from './cluster.js';
import { asBody, isOffered } from './typed-bodies.js';

const ROUND_TRIP_MS = 2;
const CONNECT_MS = [0.5, 3] as const;

export interface SimKafka {
  readonly clusters: ReadonlyMap<string, KafkaCluster>;
  readonly network: Network;
  readonly trace: Trace;
  readonly producers: ProducerCheck;
}

/**
 * Stands in for `BrokerConnection`, the object that carries requests over one socket: the same calls, the same bounds of time; requests and
 * responses go as values, not as bytes.
 */
export class SimConnection {
  readonly #options: ConnectionOptions;
  readonly #actor: Actor;
  readonly #link: Link;
  readonly #cluster: KafkaCluster;
  readonly #broker: Broker;
  readonly #trace: Trace;
  readonly #producers: ProducerCheck;
  readonly #pending: PendingRequests;
  readonly #inbox: (() => void)[] = [];
  readonly #closeListeners: ((error: CausewayError) => void)[] = [];
  #isServing = false;
  #correlationId = 0;
  #closedError: CausewayError | undefined;

  private constructor(options: ConnectionOptions, actor: Actor, world: SimKafka, link: Link, broker: Broker) {
    this.#options = options;
    this.#actor = actor;
    this.#link = link;
    this.#cluster = world.clusters.get(options.cluster.name) as KafkaCluster;
    this.#broker = broker;
    this.#trace = world.trace;
    this.#producers = world.producers;
    this.#pending = new PendingRequests(options.clock, (api, timeoutMs) =>
      this.close(requestTimeout(this.place, api, timeoutMs)),
    );
    link.onSevered((toldAfterMs) => {
      if (toldAfterMs !== undefined) {
        actor.turn(toldAfterMs, () => this.close(connectionLost(this.place, undefined, true)));
      }
    });
  }

  /** As `BrokerConnection.open`. */
  static async open(options: ConnectionOptions, actor: Actor, world: SimKafka): Promise<SimConnection> {
    const { cluster, clock, host, port } = options;
    const id = Number(host.slice(host.lastIndexOf('-') + 1));
    const broker = world.clusters.get(cluster.name)?.broker(id);
    const place = { cluster: cluster.name, address: `${host}:${port}` };
    if (broker === undefined || !world.network.reaches(actor, cluster.name)) {
      await clock.sleep(cluster.connectTimeoutMs);
      throw new CausewayError('CLUSTER_UNREACHABLE', 'no connection in time', { place });
    }
    await clock.sleep(actor.dice.between(...CONNECT_MS));
    if (!broker.isUp) throw new CausewayError('CLUSTER_UNREACHABLE', 'the connection was refused', { place });
    const link = world.network.open(actor, cluster.name, id);
    const connection = new SimConnection(options, actor, world, link, broker);
    options.onConnect?.();
    return connection;
  }

  get place(): ConnectionPlace {
    return { cluster: this.#options.cluster.name, address: this.address };
  }

  get address(): string {
    return `${this.#options.host}:${this.#options.port}`;
  }

  versionOf(api: ApiKey): number | undefined {
    return isOffered(api) ? API_SPECS[api].maxVersion : undefined;
  }

  requireVersion(api: ApiKey): number {
    const version = this.versionOf(api);
    if (version === undefined) throw unsupported(this.place, api, undefined);
    return version;
  }

  get roundTripMs(): number {
    return ROUND_TRIP_MS;
  }

  get inFlight(): number {
    return this.#pending.size;
  }

  get closedError(): CausewayError | undefined {
    return this.#closedError;
  }

  get throttledMs(): number {
    return 0;
  }

  throttle(): void {
    // The model's brokers do not.
  }

  unthrottled(): Promise<void> {
    return this.#closedError === undefined ? Promise.resolve() : Promise.reject(this.#closedError);
  }

  onClose(listener: (error: CausewayError) => void): void {
    const closed = this.#closedError;
    if (closed === undefined) this.#closeListeners.push(listener);
    else queueMicrotask(() => listener(closed));
  }

  request(api: ApiKey, _version: number, body: unknown, { timeoutMs }: RequestOptions = {}): Promise<Buffer> {
    if (this.#closedError !== undefined) return Promise.reject(this.#closedError);
    const moment = this.#actor.calling();
    if (moment === 'before') this.#actor.process.kill();
    else if (api === ApiKey.Produce) this.#producers.sends(this.#actor.name, body as ProduceRequest);
    return new Promise((resolve, reject) => {
      this.#correlationId += 1;
      this.#pending.add({
        correlationId: this.#correlationId,
        api,
        taggedHeader: false,
        pool: undefined,
        timeoutMs: timeoutMs ?? this.#options.cluster.requestTimeoutMs,
        deadlineMs: 0,
        resolve,
        reject,
      });
      this.#link.toServer(() => this.#arrived(api, body, moment === 'answered'));
      if (moment === 'sent') this.#actor.process.kill();
    });
  }

  close(error?: CausewayError): void {
    if (this.#closedError !== undefined) return;
    const reason = error ?? closedByUs(this.place);
    this.#closedError = reason;
    this.#link.sever({ isSilent: true });
    this.#pending.failAll(reason);
    for (const listener of this.#closeListeners.splice(0)) listener(reason);
  }

  /** A broker takes up one request of a connection when it has answered the one before. */
  #arrived(api: ApiKey, body: unknown, isLast: boolean): void {
    this.#inbox.push(() => this.#serve(api, body, isLast));
    if (!this.#isServing) this.#next();
  }

  #next(): void {
    const serve = this.#inbox.shift();
    this.#isServing = serve !== undefined;
    serve?.();
  }

  #serve(api: ApiKey, body: unknown, isLast: boolean): void {
    if (!this.#broker.isUp || this.#broker.isHung) return;
    answer(this.#cluster, this.#broker, api, body, (response) => {
      if (this.#trace.keepsLines) this.#note(api, body, response);
      this.#link.toClient(() => {
        if (isLast) this.#actor.process.kill();
        else if (this.#closedError === undefined) {
          if (api === ApiKey.Produce) this.#producers.hears(body as ProduceRequest, response);
          this.#pending.take()?.resolve(asBody(api, response));
        }
      });
      this.#next();
    });
  }

  #note(api: ApiKey, request: unknown, response: object): void {
    const shown = (value: unknown): string => JSON.stringify(value, plain).slice(0, 600);
    const where = `${this.#cluster.name}-${this.#broker.id}`;
    this.#trace.show(this.#actor.name, `${API_SPECS[api].name} at ${where}: ${shown(request)} -> ${shown(response)}`);
  }
}

function plain(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  if (value !== null && typeof value === 'object' && 'type' in value && value.type === 'Buffer') return 'bytes';
  return value;
}

/** What clients ask of a connection, and nothing else, is there. */
export function asBrokerConnection(connection: SimConnection): BrokerConnection {
  return connection as unknown as BrokerConnection;
}
