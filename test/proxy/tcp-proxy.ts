import { type AddressInfo, createServer, connect as dial, type Server, type Socket } from 'node:net';

export type Direction = 'toServer' | 'toClient';

/** A piece of a stream as an interceptor sees it: a chunk as it came, or a whole frame. */
export interface ProxyPiece {
  readonly direction: Direction;
  readonly bytes: Buffer;
  /** 1, 2, 3... in the order of acceptance. */
  readonly connection: number;
}

/** Bytes that are forwarded later than others would be; what comes behind them waits as well. */
export interface LateBytes {
  readonly bytes: Buffer;
  readonly delayMs: number;
}

/**
 * Forward as it is · swallow · reset the connection instead of forwarding · swallow this and all that follows in this direction of
 * this connection, its end included (`stall`) · forward other bytes, perhaps later.
 */
export type Verdict = 'pass' | 'drop' | 'cut' | 'stall' | Buffer | LateBytes;
export type Interceptor = (piece: ProxyPiece) => Verdict;

export interface TcpProxyOptions {
  readonly target: { readonly host: string; readonly port: number };
  /** Where it listens; default 127.0.0.1 and a free port. */
  readonly host?: string;
  readonly port?: number;
  /** `length-prefixed`: interceptors see whole frames of a u32 length and a body (ZooKeeper, Kafka); default: chunks as they come. */
  readonly pieces?: 'chunks' | 'length-prefixed';
  /** Called when a connection is gone on both sides. */
  readonly onEnd?: (connection: number) => void;
}

/** Bytes one direction may hold back before its source is no longer read. */
const MAX_HELD_BYTES = 1024 * 1024;
const MAX_THIN_BYTES = 32 * 1024;
const THIN_PIECE_BYTES = 4 * 1024;
const LENGTH_BYTES = 4;

/** A TCP proxy with faults that can be switched while connections run. It knows frames by their length, nothing of what is in them. */
export class TcpProxy {
  readonly #options: TcpProxyOptions;
  readonly #server: Server;
  readonly #connections = new Set<Connection>();
  readonly #faults: Faults = {
    held: new Set(),
    delayMs: { toServer: 0, toClient: 0 },
    bytesPerMs: { toServer: Infinity, toClient: Infinity },
    freeAtMs: { toServer: 0, toClient: 0 },
    interceptor: undefined,
  };
  #refusing = false;
  #accepted = 0;

  private constructor(options: TcpProxyOptions) {
    this.#options = options;
    this.#server = createServer((client) => this.#accept(client));
  }

  static async start(options: TcpProxyOptions): Promise<TcpProxy> {
    const proxy = new TcpProxy(options);
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once('error', reject);
      proxy.#server.listen(options.port ?? 0, options.host ?? '127.0.0.1', resolve);
    });
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** `host:port`, IPv6 addresses in brackets. */
  get address(): string {
    const host = this.#options.host ?? '127.0.0.1';
    return host.includes(':') ? `[${host}]:${this.port}` : `${host}:${this.port}`;
  }

  /** Connections accepted since the start. */
  get accepted(): number {
    return this.#accepted;
  }

  /** Connections open now. */
  get open(): number {
    return this.#connections.size;
  }

  /** Nothing passes in these directions, ends of connections included; held bytes pass after `release`. Both unless said. */
  hold(...directions: readonly Direction[]): void {
    for (const direction of both(directions)) this.#faults.held.add(direction);
  }

  release(...directions: readonly Direction[]): void {
    for (const direction of both(directions)) this.#faults.held.delete(direction);
    for (const connection of this.#connections) connection.pump();
  }

  /** Every piece is forwarded this much later, in order. */
  delay(delayMs: number, ...directions: readonly Direction[]): void {
    for (const direction of both(directions)) this.#faults.delayMs[direction] = delayMs;
  }

  /** All connections together carry so many bytes a second; Infinity: as many as there are. */
  throttle(bytesPerS: number, ...directions: readonly Direction[]): void {
    for (const direction of both(directions)) {
      this.#faults.bytesPerMs[direction] = bytesPerS / 1_000;
      this.#faults.freeAtMs[direction] = 0;
    }
    for (const connection of this.#connections) connection.pump();
  }

  /** Resets all open connections. */
  cut(): void {
    for (const connection of [...this.#connections]) connection.cut();
  }

  /** New connections are reset as soon as they are accepted. */
  refuse(refusing: boolean): void {
    this.#refusing = refusing;
  }

  /** Asked about every piece from now on; undefined lets everything pass. */
  intercept(interceptor: Interceptor | undefined): void {
    this.#faults.interceptor = interceptor;
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.cut();
    await closed;
  }

  #accept(client: Socket): void {
    this.#accepted += 1;
    if (this.#refusing) {
      client.on('error', () => undefined);
      client.resetAndDestroy();
      return;
    }
    const server = dial({ ...this.#options.target, noDelay: true });
    const framed = this.#options.pieces === 'length-prefixed';
    const id = this.#accepted;
    const connection = new Connection(id, client, server, this.#faults, framed, () => {
      this.#connections.delete(connection);
      this.#options.onEnd?.(id);
    });
    this.#connections.add(connection);
  }
}

interface Faults {
  readonly held: Set<Direction>;
  readonly delayMs: Record<Direction, number>;
  readonly bytesPerMs: Record<Direction, number>;
  /** When the throttled line is free again. */
  readonly freeAtMs: Record<Direction, number>;
  interceptor: Interceptor | undefined;
}

const both = (directions: readonly Direction[]): readonly Direction[] =>
  directions.length === 0 ? ['toServer', 'toClient'] : directions;

class Connection {
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #pipes: readonly Pipe[];
  readonly #onEnd: () => void;
  #ended = false;

  constructor(id: number, client: Socket, server: Socket, faults: Faults, framed: boolean, onEnd: () => void) {
    this.#client = client;
    this.#server = server;
    this.#onEnd = onEnd;
    client.setNoDelay(true);
    const pipe = (direction: Direction, from: Socket, to: Socket): Pipe =>
      new Pipe({ id, direction, from, to, faults, framed, cut: () => this.cut(), finished: () => this.#finish() });
    this.#pipes = [pipe('toServer', client, server), pipe('toClient', server, client)];
  }

  pump(): void {
    for (const pipe of this.#pipes) pipe.pump();
  }

  cut(): void {
    for (const socket of [this.#client, this.#server]) {
      if (!socket.destroyed) socket.resetAndDestroy();
    }
    this.#finish();
  }

  /** One side is gone and the other may know it. */
  #finish(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#client.destroy();
    this.#server.destroy();
    this.#onEnd();
  }
}

interface PipeOptions {
  readonly id: number;
  readonly direction: Direction;
  readonly from: Socket;
  readonly to: Socket;
  readonly faults: Faults;
  readonly framed: boolean;
  readonly cut: () => void;
  readonly finished: () => void;
}

interface Due {
  readonly bytes: Buffer;
  readonly atMs: number;
}

/** One direction of one connection. */
class Pipe {
  readonly #options: PipeOptions;
  #queue: Due[] = [];
  #queuedBytes = 0;
  /** Chunks of a frame that is not whole yet. */
  #partial: Buffer[] = [];
  #partialBytes = 0;
  #wantedBytes = LENGTH_BYTES;
  #isStalled = false;
  #sourceEnded = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: PipeOptions) {
    this.#options = options;
    const { from, to } = options;
    from.on('data', (chunk) => this.#onData(chunk));
    from.on('error', () => undefined);
    from.on('close', () => {
      this.#sourceEnded = true;
      this.pump();
    });
    to.on('drain', () => this.pump());
    to.on('close', () => clearTimeout(this.#timer));
  }

  pump(): void {
    const { from, to, faults, direction, finished } = this.#options;
    clearTimeout(this.#timer);
    if (faults.held.has(direction) || this.#isStalled) return;
    if (to.destroyed) this.#discard();
    while (this.#queue.length > 0 && !to.writableNeedDrain) {
      const atMs = Math.max(this.#queue[0]?.atMs ?? 0, faults.freeAtMs[direction]);
      const waitMs = atMs - performance.now();
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.pump(), Math.ceil(waitMs));
        return;
      }
      to.write(this.#take());
    }
    if (this.#queuedBytes < this.#maxQueuedBytes) from.resume();
    if (!this.#sourceEnded || this.#queue.length > 0) return;
    if (to.destroyed) finished();
    else to.end(() => finished());
  }

  #onData(chunk: Buffer): void {
    for (const bytes of this.#options.framed ? this.#frames(chunk) : [chunk]) {
      if (this.#isStalled) return;
      const { faults, direction, id } = this.#options;
      const verdict = faults.interceptor?.({ direction, bytes, connection: id }) ?? 'pass';
      if (verdict === 'cut') {
        this.#options.cut();
        return;
      }
      if (verdict === 'stall') {
        this.#isStalled = true;
        this.#discard();
        return;
      }
      if (verdict === 'drop') continue;
      if (verdict === 'pass') this.#enqueue(bytes, 0);
      else if (Buffer.isBuffer(verdict)) this.#enqueue(verdict, 0);
      else this.#enqueue(verdict.bytes, verdict.delayMs);
    }
    if (this.#queuedBytes >= this.#maxQueuedBytes) this.#options.from.pause();
    this.pump();
  }

  /** A thin line holds little, as a router does: what waits for long, waits at its sender. */
  get #maxQueuedBytes(): number {
    const { faults, direction } = this.#options;
    return faults.bytesPerMs[direction] === Infinity ? MAX_HELD_BYTES : MAX_THIN_BYTES;
  }

  #enqueue(bytes: Buffer, extraMs: number): void {
    const { faults, direction } = this.#options;
    this.#queue.push({ bytes, atMs: performance.now() + faults.delayMs[direction] + extraMs });
    this.#queuedBytes += bytes.length;
  }

  /** The first of what is queued; a piece of it on a thin line, which is then busy for as long as that takes. */
  #take(): Buffer {
    const { faults, direction } = this.#options;
    const bytesPerMs = faults.bytesPerMs[direction];
    const due = this.#queue.shift() as Due;
    const isThin = bytesPerMs !== Infinity;
    const bytes = isThin ? due.bytes.subarray(0, THIN_PIECE_BYTES) : due.bytes;
    if (bytes.length < due.bytes.length) this.#queue.unshift({ ...due, bytes: due.bytes.subarray(bytes.length) });
    if (isThin) faults.freeAtMs[direction] = performance.now() + bytes.length / bytesPerMs;
    this.#queuedBytes -= bytes.length;
    return bytes;
  }

  #discard(): void {
    this.#queue = [];
    this.#queuedBytes = 0;
  }

  #frames(chunk: Buffer): Buffer[] {
    this.#partial.push(chunk);
    this.#partialBytes += chunk.length;
    if (this.#partialBytes < this.#wantedBytes) return [];
    let rest = this.#partial.length === 1 ? chunk : Buffer.concat(this.#partial);
    const frames: Buffer[] = [];
    while (rest.length >= LENGTH_BYTES && rest.length >= LENGTH_BYTES + rest.readUInt32BE(0)) {
      const end = LENGTH_BYTES + rest.readUInt32BE(0);
      frames.push(rest.subarray(0, end));
      rest = rest.subarray(end);
    }
    this.#wantedBytes = LENGTH_BYTES + (rest.length >= LENGTH_BYTES ? rest.readUInt32BE(0) : 0);
    this.#partial = rest.length === 0 ? [] : [rest];
    this.#partialBytes = rest.length;
    return frames;
  }
}
