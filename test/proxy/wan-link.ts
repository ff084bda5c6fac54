import type { Socket } from 'node:net';

export interface WanLinkOptions {
  readonly oneWayMs: number;
  /** Of all connections together. */
  readonly bytesPerMs: number;
  /** Bytes of one connection that may be under way and not yet acknowledged. */
  readonly windowBytes: number;
}

/** What waits at most on our side of the link, as in a router: fairness among connections, and room for late timers. */
const maxQueueMs = 20;
/** What one connection may send before the next one's turn. */
const quantumBytes = 32 * 1024;
/** What one connection may hand over before its socket is no longer read. */
const maxPendingBytes = 256 * 1024;

interface Flight {
  readonly flow: Flow;
  /** undefined: the end of the connection. */
  readonly bytes: Buffer | undefined;
  readonly arriveAtMs: number;
}

interface Ack {
  readonly flow: Flow;
  readonly bytes: number;
  readonly atMs: number;
}

/** One direction of a long line: all connections share its bandwidth in turn, each is bound by its own window. */
export class WanLink {
  readonly options: WanLinkOptions;
  readonly #ready: Flow[] = [];
  readonly #flights = new Fifo<Flight>();
  readonly #acks = new Fifo<Ack>();
  #freeAtMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #isPumping = false;

  constructor(options: WanLinkOptions) {
    this.options = options;
  }

  /** The flow has something to send, since `readyAtMs`. */
  want(flow: Flow): void {
    this.#ready.push(flow);
    this.pump();
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  /** Everything that is due. Events take effect at the time they were due, so that late timers change no rate. */
  pump(): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    for (let isBusy = true; isBusy; ) isBusy = this.#settleAcks() || this.#send() || this.#deliver();
    this.#isPumping = false;
    this.#schedule();
  }

  acknowledge(flow: Flow, bytes: number, arrivedAtMs: number): void {
    this.#acks.push({ flow, bytes, atMs: arrivedAtMs + this.options.oneWayMs });
    this.pump();
  }

  #send(): boolean {
    const flow = this.#ready[0];
    const { oneWayMs, bytesPerMs } = this.options;
    const now = performance.now();
    if (flow === undefined) return false;
    const departMs = Math.max(this.#freeAtMs, flow.readyAtMs);
    if (departMs > now + maxQueueMs) return false;
    this.#ready.shift();
    const bytes = flow.take(quantumBytes);
    if (bytes !== undefined) {
      this.#freeAtMs = departMs + bytes.length / bytesPerMs;
      this.#flights.push({ flow, bytes, arriveAtMs: this.#freeAtMs + oneWayMs });
    } else if (flow.takeEnd()) this.#flights.push({ flow, bytes: undefined, arriveAtMs: departMs + oneWayMs });
    if (flow.canSend) this.#ready.push(flow);
    else flow.isWaiting = false;
    return true;
  }

  #deliver(): boolean {
    const flight = this.#flights.first;
    if (flight === undefined || flight.arriveAtMs > performance.now()) return false;
    this.#flights.shift();
    flight.flow.deliver(flight.bytes, flight.arriveAtMs);
    return true;
  }

  #settleAcks(): boolean {
    const ack = this.#acks.first;
    if (ack === undefined || ack.atMs > performance.now()) return false;
    this.#acks.shift();
    ack.flow.acknowledged(ack.bytes, ack.atMs);
    return true;
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    const [ready] = this.#ready;
    const sendAtMs = ready === undefined ? Infinity : Math.max(this.#freeAtMs, ready.readyAtMs) - maxQueueMs;
    const nextMs = Math.min(sendAtMs, this.#flights.first?.arriveAtMs ?? Infinity, this.#acks.first?.atMs ?? Infinity);
    if (nextMs === Infinity) return;
    this.#timer = setTimeout(() => this.pump(), Math.max(1, Math.ceil(nextMs - performance.now())));
  }
}

/** One connection's bytes in one direction. */
export class Flow {
  readonly #link: WanLink;
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #pending = new Fifo<Buffer>();
  #pendingBytes = 0;
  #inFlight = 0;
  #end: 'open' | 'pending' | 'sent' = 'open';
  readyAtMs = 0;
  /** In the link's queue of those who can send. */
  isWaiting = false;
  /** Bytes delivered so far. */
  delivered = 0;

  constructor(link: WanLink, from: Socket, to: Socket) {
    this.#link = link;
    this.#from = from;
    this.#to = to;
    from.on('data', (chunk: Buffer) => {
      this.#pending.push(chunk);
      this.#pendingBytes += chunk.length;
      if (this.#pendingBytes >= maxPendingBytes) from.pause();
      this.#offer(performance.now());
    });
    from.on('close', () => {
      if (this.#end === 'open') this.#end = 'pending';
      this.#offer(performance.now());
    });
    from.on('error', () => undefined);
  }

  get canSend(): boolean {
    if (this.#pending.first === undefined) return this.#end === 'pending';
    return this.#inFlight < this.#link.options.windowBytes;
  }

  /** The next bytes, as many as the window allows. */
  take(maxBytes: number): Buffer | undefined {
    const first = this.#pending.first;
    const most = Math.min(maxBytes, this.#link.options.windowBytes - this.#inFlight);
    if (first === undefined || most <= 0) return undefined;
    const bytes = first.length <= most ? first : first.subarray(0, most);
    if (bytes === first) this.#pending.shift();
    else this.#pending.replaceFirst(first.subarray(most));
    this.#pendingBytes -= bytes.length;
    this.#inFlight += bytes.length;
    if (this.#pendingBytes < maxPendingBytes && this.#end === 'open') this.#from.resume();
    return bytes;
  }

  takeEnd(): boolean {
    if (this.#end !== 'pending' || this.#pending.first !== undefined) return false;
    this.#end = 'sent';
    return true;
  }

  deliver(bytes: Buffer | undefined, arrivedAtMs: number): void {
    if (bytes === undefined) {
      this.#to.end();
      return;
    }
    this.delivered += bytes.length;
    if (this.#to.destroyed) {
      this.#link.acknowledge(this, bytes.length, arrivedAtMs);
      return;
    }
    // A receiver that does not read closes its window: what it has not taken is not acknowledged.
    const isTaken = this.#to.write(bytes, () => {
      if (!isTaken) this.#link.acknowledge(this, bytes.length, performance.now());
    });
    if (isTaken) this.#link.acknowledge(this, bytes.length, arrivedAtMs);
  }

  acknowledged(bytes: number, atMs: number): void {
    this.#inFlight -= bytes;
    this.#offer(atMs);
  }

  #offer(readyAtMs: number): void {
    if (this.isWaiting || !this.canSend) return;
    this.isWaiting = true;
    this.readyAtMs = readyAtMs;
    this.#link.want(this);
  }
}

/** A queue whose head leaves in constant time. */
class Fifo<T> {
  #items: T[] = [];
  #head = 0;

  get first(): T | undefined {
    return this.#items[this.#head];
  }

  push(item: T): void {
    this.#items.push(item);
  }

  replaceFirst(item: T): void {
    this.#items[this.#head] = item;
  }

  shift(): void {
    this.#head += 1;
    if (this.#head < 1_024 || this.#head * 2 < this.#items.length) return;
    this.#items = this.#items.slice(this.#head);
    this.#head = 0;
  }
}
