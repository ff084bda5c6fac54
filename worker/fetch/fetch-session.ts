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
 */
export class FetchSession {
  #sessionId = 0;
  #epoch = FULL_EPOCH;
  /** What the broker knows, by `topic-partition`. */
  #known = new Map<string, FetchPartition>();
  /** Wanted now. */
  readonly #wanted = new Map<string, FetchPartition>();
  readonly #dirty = new Set<string>();

  get size(): number {
    return this.#wanted.size;
  }

  /** The offset the broker was last told to fetch from. */
  askedOffset(key: string): number | undefined {
    return this.#known.get(key)?.fetchOffset;
  }

  want(key: string, partition: FetchPartition): void {
    this.#wanted.set(key, partition);
    this.#dirty.add(key);
  }

  forget(key: string): void {
    if (this.#wanted.delete(key)) this.#dirty.add(key);
  }

  /** Composes the next request; the caller sends it and reports `accepted`, `refused` or `lost`. */
  next(): SessionRequest {
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
        partitions.push(wanted);
        // A partition whose topic id changed has to leave under its old id.
        if (known !== undefined && known.topicId !== wanted.topicId) forgotten.push(known);
        this.#known.set(key, wanted);
      } else if (known !== undefined) {
        forgotten.push(known);
        this.#known.delete(key);
      }
    }
    this.#dirty.clear();
    return { sessionId: this.#sessionId, sessionEpoch: this.#epoch, partitions, forgotten };
  }

  /** The broker answered without a session error; id 0 means it keeps no session for us (its cache is full). */
  accepted(sessionId: number): void {
    if (sessionId === 0) {
      this.#sessionId = 0;
      this.#epoch = FULL_EPOCH;
      return;
    }
    this.#sessionId = sessionId;
    this.#epoch = this.#epoch >= MAX_EPOCH ? 1 : this.#epoch + 1;
  }

  /** The broker does not know the session (70, 71, 106), or the answer was lost: say everything again. */
  restart(): void {
    this.#epoch = FULL_EPOCH;
  }
}
