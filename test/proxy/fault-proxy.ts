import type { Dialect, FrameKind } from './dialect.js';
import { type Direction, type ProxyPiece, TcpProxy, type Verdict } from './tcp-proxy.js';

/**
 * What becomes of a frame: swallowed alone (`drop`) or with all that follows it on its connection (`stall`) · the connection is reset
 * in its place (`cut`) · forwarded later, or twice, or with one bit of its payload changed · an answer says this error.
 */
export type FaultAction =
  | { readonly kind: 'drop' | 'stall' | 'cut' | 'duplicate' | 'flip' }
  | { readonly kind: 'delay'; readonly delayMs: number }
  | { readonly kind: 'error'; readonly code: number };

export interface FaultRule {
  readonly direction: Direction;
  /** Kafka's API keys or ZooKeeper's op codes, answers going by their requests'; every frame unless given. */
  readonly apis?: readonly number[];
  /** Only frames of which this is true. */
  readonly only?: (frame: Buffer, kind: FrameKind) => boolean;
  readonly action: FaultAction;
  /** It befalls every n-th of the frames that it could befall; 1 unless given. */
  readonly every?: number;
  /** It ends when it has befallen so many. */
  readonly times?: number;
}

/** A rule at work. */
export interface FaultInForce {
  /** Frames it has befallen so far. */
  readonly hits: number;
  remove(): void;
}

export interface FaultProxyOptions {
  readonly target: { readonly host: string; readonly port: number };
  /** A free one unless given. */
  readonly port?: number;
  readonly dialect: Dialect;
}

/** Told of every frame that was understood, as it came. */
export type FrameListener = (piece: ProxyPiece, kind: FrameKind) => void;

/** A TCP proxy that understands what passes: faults by direction and kind of frame, besides those of the line (`tcp`). */
export class FaultProxy {
  /** Delay, throttle, hold, cut and refuse, whatever passes. Its interceptor is taken. */
  readonly tcp: TcpProxy;
  readonly #dialect: Dialect;
  readonly #rules = new Set<RuleInForce>();
  readonly #listeners = new Set<FrameListener>();

  private constructor(tcp: TcpProxy, dialect: Dialect) {
    this.tcp = tcp;
    this.#dialect = dialect;
    tcp.intercept((piece) => this.#judge(piece));
  }

  static async start({ target, port, dialect }: FaultProxyOptions): Promise<FaultProxy> {
    const tcp = await TcpProxy.start({
      target,
      ...(port === undefined ? {} : { port }),
      pieces: 'length-prefixed',
      onEnd: (connection) => dialect.ended(connection),
    });
    return new FaultProxy(tcp, dialect);
  }

  get port(): number {
    return this.tcp.port;
  }

  /** `127.0.0.1:port`. */
  get address(): string {
    return this.tcp.address;
  }

  /** @throws RangeError for what no server or network does: a request answered twice is no client's doing, and a request has no error. */
  add(rule: FaultRule): FaultInForce {
    const { kind } = rule.action;
    if (rule.direction === 'toServer' && (kind === 'duplicate' || kind === 'error'))
      throw new RangeError(`${kind} is for answers`);
    const inForce = new RuleInForce(rule, () => this.#rules.delete(inForce));
    this.#rules.add(inForce);
    return inForce;
  }

  /** @returns what ends it */
  listen(listener: FrameListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Ends all rules; faults of the line stay. */
  clear(): void {
    this.#rules.clear();
  }

  /** Nothing goes wrong any more. What was held passes, unless `forget`: then every connection is reset. */
  heal({ forget = false } = {}): void {
    this.clear();
    if (forget) this.tcp.cut();
    this.tcp.refuse(false);
    this.tcp.delay(0);
    this.tcp.throttle(Infinity);
    this.tcp.release();
  }

  close(): Promise<void> {
    return this.tcp.close();
  }

  #judge(piece: ProxyPiece): Verdict {
    const kind = this.#dialect.classify(piece);
    if (kind !== undefined) for (const listener of this.#listeners) listener(piece, kind);
    const bytes = kind === undefined ? piece.bytes : this.#dialect.rewrite(piece, kind);
    for (const rule of this.#rules) {
      if (!rule.concerns(piece, kind)) continue;
      const verdict = this.#verdict(rule.action, { ...piece, bytes }, kind);
      if (verdict !== undefined && rule.strikes()) return verdict;
    }
    return bytes;
  }

  /** undefined where this cannot be done to this frame. */
  #verdict(action: FaultAction, piece: ProxyPiece, kind: FrameKind | undefined): Verdict | undefined {
    const { bytes } = piece;
    switch (action.kind) {
      case 'drop':
      case 'stall':
      case 'cut':
        return action.kind;
      case 'duplicate':
        return Buffer.concat([bytes, bytes]);
      case 'delay':
        return { bytes, delayMs: action.delayMs };
      case 'flip':
        return kind === undefined ? undefined : this.#dialect.flipped(bytes, piece, kind);
      case 'error':
        return kind === undefined ? undefined : this.#dialect.withError(bytes, kind, action.code);
    }
  }
}

class RuleInForce implements FaultInForce {
  readonly #rule: FaultRule;
  readonly #remove: () => void;
  #seen = 0;
  #hits = 0;

  constructor(rule: FaultRule, remove: () => void) {
    this.#rule = rule;
    this.#remove = remove;
  }

  get action(): FaultAction {
    return this.#rule.action;
  }

  get hits(): number {
    return this.#hits;
  }

  concerns({ direction, bytes }: ProxyPiece, kind: FrameKind | undefined): boolean {
    const { apis, only } = this.#rule;
    if (direction !== this.#rule.direction) return false;
    if (apis !== undefined && (kind === undefined || !apis.includes(kind.api))) return false;
    return only === undefined || (kind !== undefined && only(bytes, kind));
  }

  /** Counts a frame that it could befall; true when it does. */
  strikes(): boolean {
    this.#seen += 1;
    const { every = 1, times = Infinity } = this.#rule;
    if (this.#seen % every !== 0) return false;
    this.#hits += 1;
    if (this.#hits >= times) this.#remove();
    return true;
  }

  remove(): void {
    this.#remove();
  }
}
