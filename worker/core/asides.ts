/** A record that goes into another topic than its batch: where rules route it, or to the dead letters. */
export interface Aside {
  /** At the source. */
  readonly offset: number;
  readonly topic: string;
  /** Null: the source partition's number modulo the topic's partitions, as many as it has. */
  readonly partition: number | null;
  readonly record: {
    readonly key: Buffer | null;
    readonly value: Buffer | null;
    readonly headers: readonly (readonly [key: Buffer, value: Buffer | null])[];
    readonly timestamp: bigint;
  };
}

/**
 * What is written elsewhere before a batch of the queue goes out. Both are acknowledged in one transaction, or neither: the batch counts as sent
 * from the first of these on, and no transaction ends while something is.
 */
export interface Asides {
  readonly records: readonly Aside[];
  /** All of them are stored; a rewind takes that back with everything else. */
  isWritten: boolean;
}

/** Of a record beside its content, in memory. */
const RECORD_BYTES = 100;

export function asideBytes(records: readonly Aside[]): number {
  let bytes = 0;
  for (const { record } of records) {
    bytes += RECORD_BYTES + (record.key?.length ?? 0) + (record.value?.length ?? 0);
    for (const [key, value] of record.headers) bytes += key.length + (value?.length ?? 0);
  }
  return bytes;
}

/** Those that have to be written before the next part, by where the parts end; behind the last part all that are left go with it. */
export function dealt(records: readonly Aside[], lastOffsets: readonly number[]): readonly (readonly Aside[])[] {
  let from = 0;
  return lastOffsets.map((lastOffset, i) => {
    let to = from;
    const isLast = i === lastOffsets.length - 1;
    while (to < records.length && (isLast || (records[to] as Aside).offset < lastOffset)) to += 1;
    const own = records.slice(from, to);
    from = to;
    return own;
  });
}
