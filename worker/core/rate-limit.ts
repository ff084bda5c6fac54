import { assertNever } from '../../common/errors/assert.js';
import type { LimitScope } from '../../common/model/status.js';
import { RateBucket } from './rate-bucket.js';

/** One fetch of everything a limit is on asks for about as much as it lets through in this time: short enough to be even. */
const QUANTUM_MS = 250;
/** Smaller asks cost more than they bring; the first batch comes whole in any case. */
const MIN_QUOTA_BYTES = 4 * 1024;
/** Partitions that took something within one or two of these share the quantum. */
const ACTIVE_MS = 1_000;
/** Of a record whose size nobody knows yet. */
const ASSUMED_RECORD_BYTES = 1_000;
const RECORD_SIZE_WEIGHT = 0.2;

/** A limit as the supervisor hands it to its threads: this worker's rates, and the memory in which the threads keep the one account. */
export interface LimitOrder {
  readonly scope: LimitScope;
  /** '' for a worker's. */
  readonly route: string;
  /** '' but for a topic's. */
  readonly topic: string;
  readonly bytesPerS?: number;
  readonly recordsPerS?: number;
  /** Two BigInt64: bytes, records. */
  readonly account: SharedArrayBuffer;
}

export function limitKey({ scope, route, topic }: Pick<LimitOrder, 'scope' | 'route' | 'topic'>): string {
  switch (scope) {
    case 'worker':
      return 'worker';
    case 'route':
      return `route/${route}`;
    case 'topic':
      return `topic/${route}/${topic}`;
    default:
      return assertNever(scope, 'scope of a limit');
  }
}

/** One limit as one thread keeps to it. Pure: time comes in. */
export class RateLimit {
  readonly scope: LimitScope;
  readonly #bytes: RateBucket | undefined;
  readonly #records: RateBucket | undefined;
  #recordBytes = ASSUMED_RECORD_BYTES;
  #active = new Set<string>();
  #activeBefore = new Set<string>();
  #activeSinceMs = Number.NEGATIVE_INFINITY;

  constructor(order: LimitOrder) {
    this.scope = order.scope;
    const { bytesPerS, recordsPerS, account } = order;
    this.#bytes = bytesPerS === undefined ? undefined : new RateBucket(bytesPerS, new BigInt64Array(account, 0, 1));
    this.#records =
      recordsPerS === undefined ? undefined : new RateBucket(recordsPerS, new BigInt64Array(account, 8, 1));
  }

  /** How long nothing below the limit may be fetched. */
  waitMs(nowMs: number): number {
    return Math.max(this.#bytes?.waitMs(nowMs) ?? 0, this.#records?.waitMs(nowMs) ?? 0);
  }

  /** What one partition's next fetch may bring; @param members partitions below the limit in this thread */
  quotaBytes(members: number, nowMs: number): number {
    this.#age(nowMs);
    const lately = Math.max(this.#active.size, this.#activeBefore.size);
    const bytesPerS = Math.min(
      this.#bytes?.perS ?? Number.POSITIVE_INFINITY,
      (this.#records?.perS ?? Number.POSITIVE_INFINITY) * this.#recordBytes,
    );
    const sharers = lately > 0 ? lately : Math.max(1, members);
    return Math.max(MIN_QUOTA_BYTES, Math.floor((bytesPerS * QUANTUM_MS) / 1_000 / sharers));
  }

  /** @param key the partition's */
  taken(key: string, bytes: number, records: number, nowMs: number): void {
    this.#age(nowMs);
    this.#active.add(key);
    if (records > 0) this.#recordBytes += RECORD_SIZE_WEIGHT * (bytes / records - this.#recordBytes);
    this.#bytes?.take(bytes, nowMs);
    this.#records?.take(records, nowMs);
  }

  #age(nowMs: number): void {
    const sinceMs = nowMs - this.#activeSinceMs;
    if (sinceMs < ACTIVE_MS) return;
    this.#activeBefore = sinceMs < 2 * ACTIVE_MS ? this.#active : new Set();
    this.#active = new Set();
    this.#activeSinceMs = nowMs;
  }
}
