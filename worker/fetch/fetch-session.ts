import type { FetchPartition } from '../../common/kafka/wire/apis/fetch.js';

/** The part of a Fetch request that the session decides (KIP-227). */
export interface SessionRequest {
  readonly sessionId: number;
  readonly sessionEpoch: number;
  readonly partitions: readonly FetchPartition[];
  readonly forgotten: readonly FetchPartition[];
}

const FULL_EPOCH = 0;
const MAX_EPOCH = 2 ** 31 - 1;

/**
 * One incremental fetch session with one broker: only what changed since the last request is sent. The broker goes on
 * fetching a partition from the offset it was last told, so a partition that delivered data must be told anew or forgotten.
 * Whatever makes the two sides' views of the session doubtful is answered by saying everything again: that never skips or repeats.
 */
export class FetchSession {
  #sessionId = 0;
  #epoch = FULL_EPOCH;
  /** What the broker knows, by feed. */
  #known = new Map<string, FetchPartition>();
  /** Wanted now, those that waited longest first: without a session the broker fills its answer in this order. */
  readonly #wanted = new Map<string, FetchPartition>();
  readonly #dirty = new Set<string>();
  /** Wanted partitions of topics without an id. */
  readonly #nameless = new Set<string>();
  #knownByName = false;

  get size(): number {
    return this.#wanted.size;
  }

  /** Some topic has no id (a source in the middle of an upgrade): all of them have to go by name, in one request they cannot be mixed. */
  get byName(): boolean {
    return this.#nameless.size > 0;
  }

  /** Asked for in every request from now on. */
  isWanted(key: string): boolean {
    return this.#wanted.has(key);
  }

  /** The offset the broker was last told to fetch from. */
  askedOffset(key: string): number | undefined {
    return this.#known.get(key)?.fetchOffset;
  }

  want(key: string, partition: FetchPartition): void {
    // The broker would drop the new one along with the old where topics go by name.
    const before = this.#wanted.get(key) ?? this.#known.get(key);
    if (before !== undefined && before.topicId !== partition.topicId) this.restart();
    if (partition.topicId === null) this.#nameless.add(key);
    else this.#nameless.delete(key);
    this.#wanted.delete(key);
    this.#wanted.set(key, partition);
    this.#dirty.add(key);
  }

  forget(key: string): void {
    this.#nameless.delete(key);
    if (this.#wanted.delete(key)) this.#dirty.add(key);
  }

  /** Composes the next request; the caller sends it and reports `accepted`, or `restart`s. */
  next(): SessionRequest {
    // Sessions are bound to names or to ids (FETCH_SESSION_TOPIC_ID_ERROR).
    if (this.byName !== this.#knownByName) this.restart();
    this.#knownByName = this.byName;
    if (this.#epoch === FULL_EPOCH) {
      this.#dirty.clear();
      this.#known = new Map(this.#wanted);
      // Naming the old id closes that session at the broker.
      return {
        sessionId: this.#sessionId,
        sessionEpoch: FULL_EPOCH,
        partitions: [...this.#wanted.values()],
        forgotten: [],
      };
    }
    const partitions: FetchPartition[] = [];
    const forgotten: FetchPartition[] = [];
    for (const key of this.#dirty) {
      const known = this.#known.get(key);
      const wanted = this.#wanted.get(key);
      if (wanted !== undefined) {
        if (known !== undefined && isSame(known, wanted)) continue;
        partitions.push(wanted);
        this.#known.set(key, wanted);
      } else if (known !== undefined) {
        forgotten.push(known);
        this.#known.delete(key);
      }
    }
    this.#dirty.clear();
    return { sessionId: this.#sessionId, sessionEpoch: this.#epoch, partitions, forgotten };
  }

  /** The broker answered without a session error; id 0 means it keeps no session for us (its cache is full, or it throttles). */
  accepted(sessionId: number): void {
    const moved = this.#epoch !== FULL_EPOCH && sessionId !== this.#sessionId;
    this.#sessionId = sessionId;
    if (sessionId === 0 || moved) {
      this.#epoch = FULL_EPOCH;
      return;
    }
    this.#epoch = this.#epoch >= MAX_EPOCH ? 1 : this.#epoch + 1;
  }

  /** The broker does not know the session (70, 71, 103, 106), or the answer was lost: say everything again. */
  restart(): void {
    this.#epoch = FULL_EPOCH;
  }
}

/** The broker has been told that already. */
function isSame(a: FetchPartition, b: FetchPartition): boolean {
  return a.fetchOffset === b.fetchOffset && a.currentLeaderEpoch === b.currentLeaderEpoch && a.maxBytes === b.maxBytes;
}
