import { contentHash } from './content-hash.js';
import { type AuditRecord, weightBytes } from './record.js';
import type { RecordReader } from './record-reader.js';
import { type Tag, tagOf } from './tag.js';

/** A record with what the auditor knows it by. */
export interface Entry {
  readonly record: AuditRecord;
  readonly tag: Tag | undefined;
  readonly hash: number;
  /** Run and sequence of the tag, or a negative number made from the content: equal where two records are the same record. */
  readonly key: number;
}

/** A source record that the target's order passed over. */
export interface SkippedEntry extends Entry {
  /** Rank of the last source record that was matched in order before it. */
  readonly anchor: number;
}

/** 20 bits of the run above 32 of the sequence: what a number holds exactly. */
function keyOf({ run, sequence }: Tag): number {
  return (run % 2 ** 20) * 2 ** 32 + sequence;
}

/** `isOurs` tells tags of this very partition from strangers'; others count as content only. */
export function entryOf(record: AuditRecord, isOurs: (tag: Tag) => boolean): Entry {
  const tag = tagOf(record);
  const hash = contentHash(record);
  return { record, tag, hash, key: tag !== undefined && isOurs(tag) ? keyOf(tag) : -1 - hash };
}

export interface WindowLimits {
  readonly records: number;
  readonly bytes: number;
}

/** Source records read ahead of the target's position, found by key. */
export class SourceWindow {
  readonly #reader: RecordReader;
  readonly #isOurs: (tag: Tag) => boolean;
  readonly #limits: WindowLimits;
  /** Read and not passed yet, in order; everything before `#head` is used up. */
  #ahead: Entry[] = [];
  #head = 0;
  readonly #counts = new Map<number, number>();
  #bytes = 0;
  #ended = false;

  constructor(reader: RecordReader, isOurs: (tag: Tag) => boolean, limits: WindowLimits) {
    this.#reader = reader;
    this.#isOurs = isOurs;
    this.#limits = limits;
  }

  /** The next source record in order; undefined at the end. */
  async next(): Promise<Entry | undefined> {
    if (this.#head >= this.#ahead.length) await this.#read();
    return this.#ahead[this.#head];
  }

  /** Uses up the record that `next` gave. */
  pass(): Entry {
    const entry = this.#ahead[this.#head] as Entry;
    this.#head += 1;
    this.#bytes -= weightBytes(entry.record);
    const count = (this.#counts.get(entry.key) ?? 1) - 1;
    if (count === 0) this.#counts.delete(entry.key);
    else this.#counts.set(entry.key, count);
    if (this.#head > 1_024 && this.#head * 2 > this.#ahead.length) {
      this.#ahead = this.#ahead.slice(this.#head);
      this.#head = 0;
    }
    return entry;
  }

  /** True when the key comes within the window's limits from here. Reads ahead as far as needed. */
  async comes(key: number): Promise<boolean> {
    while (!this.#counts.has(key)) {
      if (this.#isFull || !(await this.#read())) return false;
    }
    return true;
  }

  get #isFull(): boolean {
    return this.#ahead.length - this.#head >= this.#limits.records || this.#bytes >= this.#limits.bytes;
  }

  async #read(): Promise<boolean> {
    if (this.#ended) return false;
    const record = this.#reader.takeNow() ?? (await this.#reader.take());
    if (record === undefined) {
      this.#ended = true;
      return false;
    }
    const entry = entryOf(record, this.#isOurs);
    this.#ahead.push(entry);
    this.#bytes += weightBytes(record);
    this.#counts.set(entry.key, (this.#counts.get(entry.key) ?? 0) + 1);
    return true;
  }
}
