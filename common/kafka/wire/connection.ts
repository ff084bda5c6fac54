import type { Socket } from 'node:net';
import type { CausewayError } from '../../errors/error.js';
import type { ClusterConnection, SaslSettings } from '../../model/cluster.js';
import type { Logger } from '../../observability/logger.js';
import type { Clock } from '../../runtime/clock.js';
import { type BrokerAddress, formatAddress } from './address.js';
import { ApiKey, isFlexible } from './api-keys.js';
import type { BufferPool } from './buffer-pool.js';
import {
  type ConnectionPlace,
  closedByUs,
  connectionLost,
  malformed,
  openFault,
  requestTimeout,
  unsupported,
} from './connection-faults.js';
import { readCredentials } from './credentials.js';
import { FrameAssembler } from './frame-assembler.js';
import { commonVersion, type HandshakeCall, login, type OfferedVersions, offeredVersions } from './handshake.js';
import { requestHeader, responseBodyStart } from './headers.js';
import { PendingRequests } from './pending-requests.js';
import { protocolError } from './reader.js';
import { type Sender, senderFor } from './sender.js';
import { SaslSession, sessionLost } from './session.js';
import { openTransport } from './transport.js';

export interface ConnectionOptions {
  readonly host: string;
  readonly port: number;
  readonly cluster: ClusterConnection;
  readonly clientId: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called each time a connection is ready for requests; for the metric. */
  readonly onConnect?: () => void;
  /** Called when the broker throttles the connection, with the time; for the metric. */
  readonly onThrottle?: (throttleMs: number) => void;
}

export interface RequestOptions {
  /** Instead of the cluster's requestTimeoutMs; a long poll needs its wait on top. */
  readonly timeoutMs?: number;
  /** Lends the response's buffer; the caller gives it back when done with all its views. */
  readonly pool?: BufferPool;
}

const MAX_CORRELATION_ID = 0x7fff_ffff;

/** Whoever waits for a throttled connection looks this often whether it is still there. */
const THROTTLE_LOOK_MS = 1_000;

/**
 * One socket to one broker, ready for requests. Requests are answered in the order they were sent (Kafka handles one per connection
 * at a time), many may be in flight. The first request that is not answered in time closes the connection, since nothing behind it
 * can be trusted to come; all that are outstanding fail with the same error.
 */
export class BrokerConnection {
  readonly #options: ConnectionOptions;
  readonly #address: BrokerAddress;
  readonly #place: ConnectionPlace;
  readonly #pending: PendingRequests;
  readonly #assembler = new FrameAssembler(
    (frame) => this.#onFrame(frame),
    (size) => this.#pending.oldest?.pool?.take(size) ?? Buffer.allocUnsafeSlow(size),
  );
  readonly #clientId: Buffer;
  readonly #closeListeners: ((error: CausewayError) => void)[] = [];
  #socket: Socket | undefined;
  #sender: Sender | undefined;
  #versions: OfferedVersions = new Map();
  #correlationId = 0;
  #closedError: CausewayError | undefined;
  #session: SaslSession | undefined;
  #throttledUntilMs = 0;
  #roundTripMs = 0;
  #ready = false;
  #served = false;

  private constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#address = { host: options.host, port: options.port };
    this.#place = { cluster: options.cluster.name, address: this.address };
    this.#clientId = Buffer.from(options.clientId);
    this.#pending = new PendingRequests(options.clock, (api, timeoutMs) => this.#onTimeout(api, timeoutMs));
  }

  /**
   * Connects, asks for the broker's versions and logs in where the cluster has SASL; each step bounded by connectTimeoutMs.
   * @throws CLUSTER_UNREACHABLE, KAFKA_AUTH_FAILED, UNSUPPORTED_BROKER, KAFKA_PROTOCOL
   */
  static async open(options: ConnectionOptions): Promise<BrokerConnection> {
    const connection = new BrokerConnection(options);
    const { cluster, clock } = options;
    connection.#socket = await openTransport({
      address: connection.#address,
      cluster,
      clock,
      space: () => connection.#assembler.space(),
      onBytes: (length) => connection.#onBytes(length),
      onClosed: (fault) => connection.close(connectionLost(connection.#place, fault, connection.#served)),
    });
    connection.#sender = senderFor(connection.#socket);
    try {
      await connection.#handshake();
    } catch (error) {
      const fault = openFault(connection.#place, error);
      connection.close(fault);
      throw fault;
    }
    connection.#ready = true;
    options.onConnect?.();
    options.logger.debug('broker.connected', { cluster: cluster.name, address: connection.address });
    return connection;
  }

  /** For errors that speak of this connection. */
  get place(): ConnectionPlace {
    return this.#place;
  }

  /** `host:port`. */
  get address(): string {
    return formatAddress(this.#address);
  }

  /** What the broker understands. */
  get offered(): OfferedVersions {
    return this.#versions;
  }

  /** The highest version both sides speak; undefined where there is none. */
  versionOf(api: ApiKey): number | undefined {
    return commonVersion(api, this.#versions);
  }

  /** The highest version both sides speak. @throws UNSUPPORTED_BROKER */
  requireVersion(api: ApiKey): number {
    const version = this.versionOf(api);
    if (version !== undefined) return version;
    throw unsupported(this.#place, api, this.#versions.get(api));
  }

  /** How long the first exchange with the broker took: nothing else was under way, so it is mostly the network's round trip. */
  get roundTripMs(): number {
    return this.#roundTripMs;
  }

  /** Requests sent and not answered yet. */
  get inFlight(): number {
    return this.#pending.size;
  }

  /** Why it is closed; undefined while it is open. */
  get closedError(): CausewayError | undefined {
    return this.#closedError;
  }

  /** How long the broker will not read what is sent here (KIP-219); 0 when it does. */
  get throttledMs(): number {
    return Math.max(0, this.#throttledUntilMs - this.#options.clock.monotonicMs());
  }

  /** The broker reads nothing for this long: what is outstanding is given as much more time. */
  throttle(forMs: number): void {
    if (forMs <= 0) return;
    const { clock, onThrottle } = this.#options;
    this.#throttledUntilMs = Math.max(this.#throttledUntilMs, clock.monotonicMs() + forMs);
    this.#pending.extend(forMs);
    onThrottle?.(forMs);
  }

  /** Resolves when the broker reads again. @throws why the connection closed meanwhile */
  async unthrottled(): Promise<void> {
    while (this.throttledMs > 0 && this.#closedError === undefined) {
      await this.#options.clock.sleep(Math.min(this.throttledMs, THROTTLE_LOOK_MS));
    }
    if (this.#closedError !== undefined) throw this.#closedError;
  }

  /** Called once when the connection closes, at the next turn if it is closed already. */
  onClose(listener: (error: CausewayError) => void): void {
    const closed = this.#closedError;
    if (closed === undefined) this.#closeListeners.push(listener);
    else queueMicrotask(() => listener(closed));
  }

  /**
   * Sends one request, behind a renewal of the SASL session where that is due. The buffers are handed to the kernel as they are and
   * must stay unchanged until the answer.
   * @returns the response behind its header; a view into a buffer that belongs to this response alone.
   * @throws REQUEST_TIMEOUT, CONNECTION_LOST, KAFKA_PROTOCOL: the connection is closed then, and the outcome at the broker unknown.
   */
  request(
    api: ApiKey,
    version: number,
    body: readonly Buffer[] | Buffer,
    options: RequestOptions = {},
  ): Promise<Buffer> {
    const session = this.#session;
    if (session === undefined) return this.#exchange(api, version, body, options);
    return new Promise((resolve, reject) => {
      const send = (): void => resolve(this.#exchange(api, version, body, options));
      if (this.#closedError !== undefined || !session.holds(send, reject)) send();
    });
  }

  #exchange(api: ApiKey, version: number, body: readonly Buffer[] | Buffer, options: RequestOptions): Promise<Buffer> {
    if (this.#closedError !== undefined) return Promise.reject(this.#closedError);
    const pieces = Buffer.isBuffer(body) ? [body] : body;
    const flexible = isFlexible(api, version);
    this.#correlationId = this.#correlationId === MAX_CORRELATION_ID ? 0 : this.#correlationId + 1;
    const correlationId = this.#correlationId;
    const header = requestHeader({ api, version, flexible, correlationId, clientId: this.#clientId }, pieces);
    return new Promise((resolve, reject) => {
      const timeoutMs = options.timeoutMs ?? this.#options.cluster.requestTimeoutMs;
      // ApiVersions alone is always answered with the old header, so that any client can read it (KIP-511).
      const taggedHeader = flexible && api !== ApiKey.ApiVersions;
      const { pool } = options;
      this.#pending.add({ correlationId, api, taggedHeader, pool, timeoutMs, deadlineMs: 0, resolve, reject });
      this.#sender?.send(header, pieces);
    });
  }

  /** Closes at once; all outstanding requests fail with `error`, CONNECTION_LOST unless said. Later calls do nothing. */
  close(error?: CausewayError): void {
    if (this.#closedError !== undefined) return;
    const reason = error ?? closedByUs(this.#place);
    this.#closedError = reason;
    this.#socket?.destroy();
    this.#pending.failAll(reason);
    this.#session?.close(reason);
    for (const listener of this.#closeListeners.splice(0)) listener(reason);
  }

  async #handshake(): Promise<void> {
    const { cluster, clock } = this.#options;
    // What connects and then stays silent must not hold up the attempt to reach another broker.
    const timeoutMs = cluster.connectTimeoutMs;
    const call: HandshakeCall = (api, version, body) => this.#exchange(api, version, body, { timeoutMs });
    const askedMs = clock.monotonicMs();
    this.#versions = await offeredVersions(call);
    this.#roundTripMs = clock.monotonicMs() - askedMs;
    if (cluster.sasl === undefined) return;
    await this.#login(cluster.sasl, call);
  }

  async #login(sasl: SaslSettings, call: HandshakeCall): Promise<void> {
    const { cluster, clock, logger } = this.#options;
    const context = { cluster: cluster.name, timeoutMs: cluster.connectTimeoutMs, clock };
    // Behind long polls a renewal has to wait for its turn.
    const renewal: HandshakeCall = (api, version, body) => this.#exchange(api, version, body, {});
    const session = new SaslSession({
      clock,
      logger,
      place: this.#place,
      credentials: () => readCredentials(sasl, context),
      login: (credentials) => login(credentials, this.#versions, renewal),
      onLost: (error) => this.close(sessionLost(this.#place, error)),
    });
    session.begin(await login(await readCredentials(sasl, context), this.#versions, call));
    this.#session = session;
  }

  #onBytes(length: number): void {
    if (this.#closedError !== undefined) return;
    try {
      this.#assembler.filled(length);
    } catch (error) {
      this.close(malformed(this.#place, error));
    }
  }

  #onFrame(frame: Buffer): void {
    const pending = this.#pending.take();
    const correlationId = frame.readInt32BE(0);
    if (pending === undefined) throw protocolError(`a response to request ${correlationId} where none was due`);
    try {
      if (pending.correlationId !== correlationId) {
        throw protocolError(`a response to request ${correlationId} where ${pending.correlationId} was due`);
      }
      this.#served = this.#ready;
      pending.resolve(frame.subarray(responseBodyStart(frame, pending.taggedHeader)));
    } catch (error) {
      const fault = malformed(this.#place, error);
      pending.reject(fault);
      throw fault;
    }
  }

  #onTimeout(api: ApiKey, timeoutMs: number): void {
    const error = requestTimeout(this.#place, api, timeoutMs);
    this.#options.logger.warn('broker.request_timeout', { err: error });
    this.close(error);
  }
}
