import fc from 'fast-check';
import { type BuildBatchOptions, buildBatch } from '../../../common/kafka/wire/records/build-batch.js';
import type { CodecName } from '../../../common/kafka/wire/records/compression.js';
import type { KafkaRecord } from '../../../common/kafka/wire/records/record-codec.js';
import { batchImage, producerIdentity } from '../../../worker/core/batch-image.js';
import { type SkippedRange, SkipSet } from '../../../worker/core/skip-set.js';
import { type Aborted, type MemoryLog, OURS } from '../../unit/worker/walk/memory-logs.js';
import { codecArbitrary, holesArbitrary, recordArbitrary } from '../records/arbitraries.js';
import { OLD_CODECS, oldSet } from '../records/old-format.js';

/** A record that the route delivers, as the target should have it. */
export interface Delivered {
  readonly offset: number;
  readonly record: KafkaRecord;
}

/** A source batch that passes raw: all its records, unless some were declared as left out. */
interface RawBatch {
  readonly bytes: Buffer;
  readonly first: number;
  readonly last: number;
}

export interface SourceModel {
  readonly log: MemoryLog;
  readonly delivered: readonly Delivered[];
  readonly raw: readonly RawBatch[];
  readonly end: number;
}

const few = fc.array(recordArbitrary, { minLength: 1, maxLength: 8 });

/** One step of a partition's history. Transactional ones are by one of two producers. */
const stepArbitrary = fc.oneof(
  { weight: 6, arbitrary: fc.record({ act: fc.constant('plain' as const), records: few, codec: codecArbitrary }) },
  {
    weight: 2,
    arbitrary: few.chain((records) =>
      fc.record({
        act: fc.constant('compacted' as const),
        records: fc.constant(records),
        codec: codecArbitrary,
        holes: holesArbitrary(records.length),
      }),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      act: fc.constant('appended' as const),
      records: few,
      codec: codecArbitrary,
      time: fc.bigInt({ min: 0n, max: 2n ** 50n }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      act: fc.constant('old' as const),
      records: few,
      magic: fc.constantFrom(0 as const, 1 as const),
      codec: fc.constantFrom(...OLD_CODECS),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      act: fc.constant('transactional' as const),
      records: few,
      codec: codecArbitrary,
      producer: fc.nat(1),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ act: fc.constant('end' as const), producer: fc.nat(1), commit: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('empty' as const), span: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('cleaned' as const), span: fc.integer({ min: 1, max: 9 }) }) },
);
type Step = typeof stepArbitrary extends fc.Arbitrary<infer T> ? T : never;

export const historyArbitrary = fc.array(stepArbitrary, { minLength: 2, maxLength: 16, size: 'max' });

/** From 0 to 1, evenly. */
export const shareArbitrary = fc.noBias(fc.integer({ min: 0, max: 1_000 })).map((thousandths) => thousandths / 1_000);

/** Plays a history: what lies in the log, and what a route delivers of it. Knows every transaction's fate because it makes it. */
export function playSource(steps: readonly Step[]): SourceModel {
  const play = new Play();
  for (const step of steps) play.step(step);
  for (const producer of [0, 1]) play.finish(producer, producer === 0);
  return play.model();
}

class Play {
  readonly #batches: Buffer[] = [];
  readonly #aborted: Aborted[] = [];
  readonly #delivered: Delivered[] = [];
  readonly #raw: RawBatch[] = [];
  readonly #open = new Map<number, { readonly first: number; readonly held: Delivered[]; readonly raw: RawBatch[] }>();
  #end = 0;

  step(step: Step): void {
    switch (step.act) {
      case 'plain':
        this.#append(step.records, { codec: step.codec }, this.#delivered, this.#raw);
        return;
      case 'compacted': {
        const { offsetDeltas, lastOffsetDelta } = step.holes;
        const isDense = lastOffsetDelta + 1 === step.records.length;
        const options = { codec: step.codec, offsetDeltas, lastOffsetDelta };
        this.#append(step.records, options, this.#delivered, isDense ? this.#raw : []);
        return;
      }
      case 'appended':
        this.#append(step.records, { codec: step.codec, logAppendTime: step.time }, this.#delivered, []);
        return;
      case 'old':
        this.#appendOld(step);
        return;
      case 'transactional':
        this.#appendTransactional(step.producer, step.records, step.codec);
        return;
      case 'end':
        this.finish(step.producer, step.commit);
        return;
      case 'empty':
        this.#batches.push(buildBatch([], { baseOffset: BigInt(this.#end), lastOffsetDelta: step.span }));
        this.#end += step.span + 1;
        return;
      case 'cleaned':
        this.#end += step.span;
    }
  }

  finish(producer: number, commit: boolean): void {
    const transaction = this.#open.get(producer);
    if (transaction === undefined) return;
    this.#open.delete(producer);
    const producerId = BigInt(producer);
    if (commit) {
      this.#delivered.push(...transaction.held);
      this.#raw.push(...transaction.raw);
    } else this.#aborted.push({ producerId, firstOffset: transaction.first, markerOffset: this.#end });
    this.#batches.push(markerBatch(this.#end, producerId, commit ? 1 : 0));
    this.#end += 1;
  }

  model(): SourceModel {
    const delivered = this.#delivered.toSorted((a, b) => a.offset - b.offset);
    return {
      log: { batches: this.#batches, aborted: this.#aborted },
      delivered,
      raw: this.#raw.toSorted((a, b) => a.first - b.first),
      end: this.#end,
    };
  }

  #appendTransactional(producer: number, records: readonly KafkaRecord[], codec: CodecName): void {
    const transaction = this.#open.get(producer) ?? { first: this.#end, held: [], raw: [] };
    this.#open.set(producer, transaction);
    const options = { codec, transactional: true, producerId: BigInt(producer), producerEpoch: 0, baseSequence: 0 };
    this.#append(records, options, transaction.held, transaction.raw);
  }

  #append(records: readonly KafkaRecord[], options: BuildBatchOptions, delivered: Delivered[], raw: RawBatch[]): void {
    const base = this.#end;
    const bytes = buildBatch(records, { baseOffset: BigInt(base), ...options });
    this.#batches.push(bytes);
    const deltas = options.offsetDeltas ?? records.map((_, i) => i);
    records.forEach((record, i) => {
      const timestamp = options.logAppendTime ?? record.timestamp;
      delivered.push({ offset: base + (deltas[i] as number), record: { ...record, timestamp } });
    });
    const last = base + (options.lastOffsetDelta ?? (deltas.at(-1) as number));
    raw.push({ bytes, first: base, last });
    this.#end = last + 1;
  }

  #appendOld({ records, magic, codec }: Step & { readonly act: 'old' }): void {
    const offsets = records.map((_, i) => this.#end + i);
    this.#batches.push(...entries(oldSet(records, { magic, codec, offsets })));
    records.forEach(({ key, value, timestamp }, i) => {
      const seen = { key, value, headers: [], timestamp: magic === 0 ? -1n : timestamp };
      this.#delivered.push({ offset: offsets[i] as number, record: seen });
    });
    this.#end += records.length;
  }
}

/** A message set's entries one by one. */
function entries(set: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let at = 0; at < set.length; ) {
    const end = at + 12 + set.readInt32BE(at + 8);
    found.push(set.subarray(at, end));
    at = end;
  }
  return found;
}

export function markerBatch(base: number, producerId: bigint, type: number): Buffer {
  const content = { key: Buffer.from([0, 0, 0, type]), value: Buffer.alloc(6), headers: [], timestamp: 1n };
  const options = { producerId, producerEpoch: 0, transactional: true, control: true };
  return buildBatch([content], { baseOffset: BigInt(base), ...options });
}

/** Which delivered records the mirror declared as left out: every one whose turn it is. */
export function skipsOf(source: SourceModel, leaveOut: readonly boolean[]): SkipSet {
  const ranges: SkippedRange[] = source.delivered
    .filter((_, i) => leaveOut.length > 0 && leaveOut[i % leaveOut.length] === true)
    .map(({ offset }) => ({ first: offset, last: offset }));
  return SkipSet.of(ranges);
}

/** How the mirror put records into batches: one choice after the other, over and over. */
export interface Batching {
  readonly recordsPerBatch: number;
  readonly codec: CodecName;
  /** Raw where a whole source batch is next. */
  readonly raw: boolean;
  /** This many markers in front of it. */
  readonly markers: number;
}

export const batchingArbitrary = fc.array(
  fc.record({
    recordsPerBatch: fc.integer({ min: 1, max: 12 }),
    codec: codecArbitrary,
    raw: fc.boolean(),
    markers: fc.constantFrom<number>(0, 0, 0, 1, 2),
  }),
  { minLength: 1, maxLength: 5 },
);

export interface TargetModel {
  readonly log: MemoryLog;
  /** Target offset of each record. */
  readonly offsets: readonly number[];
  readonly end: number;
}

/** What a mirror that copied `copies` in this way left in the target. */
export function playTarget(
  source: Pick<SourceModel, 'raw'>,
  copies: readonly Delivered[],
  batching: readonly Batching[],
  base: number,
  logAppendTime?: bigint,
): TargetModel {
  const batches: Buffer[] = [];
  const offsets: number[] = [];
  const stamp = logAppendTime === undefined ? {} : { logAppendTime };
  let end = base;
  for (let at = 0, turn = 0; at < copies.length; turn += 1) {
    const { recordsPerBatch, codec, raw, markers } = batching[turn % batching.length] as Batching;
    for (let i = 0; i < markers; i++) batches.push(markerBatch(end++, i === 0 ? OURS : 1n, 0));
    const whole = raw && logAppendTime === undefined ? wholeBatch(source, copies, at) : undefined;
    const group = copies.slice(at, at + (whole === undefined ? recordsPerBatch : whole.last - whole.first + 1));
    const options = { baseOffset: BigInt(end), producerId: OURS, producerEpoch: 0, baseSequence: 0, codec, ...stamp };
    const built = group.map(({ record }) => record);
    batches.push(whole === undefined ? buildBatch(built, options) : stored(whole.bytes, end));
    for (let i = 0; i < group.length; i++) offsets.push(end + i);
    end += group.length;
    at += group.length;
  }
  return { log: { batches, aborted: [] }, offsets, end };
}

function wholeBatch({ raw }: Pick<SourceModel, 'raw'>, copies: readonly Delivered[], at: number): RawBatch | undefined {
  const found = raw.find(({ first }) => first === copies[at]?.offset);
  if (found === undefined) return undefined;
  const { first, last } = found;
  for (let offset = first; offset <= last; offset++)
    if (copies[at + offset - first]?.offset !== offset) return undefined;
  return found;
}

/** As our outlet sends it and a broker stores it. */
function stored(bytes: Buffer, base: number): Buffer {
  const slice = { buffer: bytes, start: 0, length: bytes.length };
  const { header, payload } = batchImage(slice, producerIdentity(OURS, 0), 0);
  const batch = Buffer.concat([header, payload]);
  batch.writeBigInt64BE(BigInt(base), 0);
  return batch;
}
