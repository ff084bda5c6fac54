import type { ClusterClient } from '../../common/kafka/wire/cluster-client.js';
import { KafkaCode } from '../../common/kafka/wire/error-codes.js';
import { listOffsets, TIMESTAMP_LATEST } from '../../common/kafka/wire/operations/list-offsets.js';
import { fetchFrom } from '../../common/kafka/wire/operations/read-to-end.js';
import { loadCodecs } from '../../common/kafka/wire/records/compression.js';
import { decodeBatches } from '../../common/kafka/wire/records/record-codec.js';
import { mapLimited } from '../../common/runtime/map-limited.js';
import type { TargetPosition } from '../core/group-sync.js';
import type { SourcePosition } from './source-groups.js';

/** Positions that are looked for in one pass; the others in the next ones. */
const MAX_SEARCHES = 200;
const MAX_AT_ONCE = 8;

interface Found {
  readonly sourceOffset: bigint;
  readonly position: TargetPosition;
}

/**
 * Positions by time, for stretches of the offset map that are lost: the first record at the target that is not older than what the group read last,
 * or than what comes right after it, should its times run backwards. Some are read again, as many as the source has behind that time.
 */
export class TimedPositions {
  readonly #source: ClusterClient;
  readonly #target: ClusterClient;
  #found = new Map<string, Found>();

  constructor({ source, target }: { readonly source: ClusterClient; readonly target: ClusterClient }) {
    this.#source = source;
    this.#target = target;
  }

  of(position: SourcePosition): TargetPosition | undefined {
    const found = this.#found.get(keyOf(position));
    return found?.sourceOffset === position.offset ? found.position : undefined;
  }

  /** Looks for those that have no answer yet, and forgets all others. */
  async find(positions: readonly SourcePosition[]): Promise<void> {
    const lost = positions.filter(({ translation }) => translation?.kind === 'unknown');
    const kept = new Map<string, Found>();
    for (const position of lost) {
      const found = this.#found.get(keyOf(position));
      if (found?.sourceOffset === position.offset) kept.set(keyOf(position), found);
    }
    this.#found = kept;
    const open = lost.filter((position) => !kept.has(keyOf(position))).slice(0, MAX_SEARCHES);
    if (open.length === 0) return;
    await loadCodecs();
    await mapLimited(open, MAX_AT_ONCE, async (position) => {
      const found = await this.#search(position);
      if (found !== undefined) kept.set(keyOf(position), { sourceOffset: position.offset, position: found });
    });
  }

  async #search({ topic, targetTopic, partition, offset }: SourcePosition): Promise<TargetPosition | undefined> {
    const timestamp = await this.#timeAt({ topic, partition }, offset > 0n ? offset - 1n : 0n);
    if (timestamp === undefined) return undefined;
    const [[at, end], [before]] = await Promise.all([
      listOffsets(this.#target, 'read_uncommitted', [
        { topic: targetTopic, partition, timestamp },
        { topic: targetTopic, partition, timestamp: TIMESTAMP_LATEST },
      ]),
      listOffsets(this.#source, 'read_uncommitted', [{ topic, partition, timestamp }]),
    ]);
    if (at?.errorCode !== KafkaCode.NONE || end?.errorCode !== KafkaCode.NONE) return undefined;
    const isKnown = before?.errorCode === KafkaCode.NONE && before.offset >= 0n;
    const rereads = isKnown ? max(offset - before.offset, 0n) : null;
    // Nothing there is so young: all of it was read.
    return { offset: at.offset < 0n ? end.offset : at.offset, quality: 'timestamp', rereads };
  }

  /** The oldest time among the records that come at once from this offset on; undefined: none comes. */
  async #timeAt(
    place: { readonly topic: string; readonly partition: number },
    offset: bigint,
  ): Promise<bigint | undefined> {
    const fetched = await fetchFrom(this.#source, place, Number(offset));
    if (typeof fetched === 'number' || fetched.records === null) return undefined;
    let oldest: bigint | undefined;
    for (const { control, records } of decodeBatches(fetched.records)) {
      for (const record of control ? [] : records) {
        if (record.offset < offset || record.timestamp < 0n) continue;
        if (oldest === undefined || record.timestamp < oldest) oldest = record.timestamp;
      }
    }
    return oldest;
  }
}

function keyOf({ group, topic, partition }: SourcePosition): string {
  return `${topic}/${partition}/${group}`;
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
