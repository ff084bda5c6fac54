import type { CodecName } from '../../common/kafka/wire/records/compression.js';
import { type AuditHeader, type AuditRecord, emptyRecord } from './record.js';
import { TAG_BYTES, TAG_HEADER, topicHash, writeTag } from './tag.js';

export type Codec = CodecName;

/** What a topic of the load looks like. */
export interface TopicShape {
  readonly topic: string;
  readonly partitions: number;
  readonly codec: Codec;
  /** Share of the load's records, relative to the other topics'. */
  readonly share: number;
  /** Batches hold up to this many records. */
  readonly batchRecords: number;
  /** Set for transactional writing: of this many transactions one is aborted. */
  readonly abortOneIn?: number;
  /** Topic settings at the source. */
  readonly configs?: Readonly<Record<string, string>>;
  readonly make: (draft: Draft) => Content;
}

/** What a shape may use to make one record: everything follows from the sequence, nothing from chance. */
export interface Draft {
  readonly sequence: number;
  readonly partition: number;
  readonly nowMs: number;
  /** `bytes` of filler that compresses to about a half and differs from record to record. */
  filler(bytes: number): Buffer;
  /** A value of at least TAG_BYTES with the record's tag in front. */
  tagged(bytes: number, timestamp?: number): Buffer;
}

export type Content = Pick<AuditRecord, 'key' | 'value' | 'headers' | 'timestamp'>;

const text = (value: string): Buffer => Buffer.from(value);
const header = (key: string, value: string | null): AuditHeader => [text(key), value === null ? null : text(value)];
const NO_BYTES = Buffer.alloc(0);

/** Record bytes of which fillers are slices: words, so that codecs have something to do. */
const WORDS = text('order payment click shipment invoice customer basket refund audit ledger '.repeat(4_000));

export class RecordMaker {
  readonly #shape: TopicShape;
  readonly #run: number;
  readonly #topic: number;

  constructor(shape: TopicShape, run: number) {
    this.#shape = shape;
    this.#run = run;
    this.#topic = topicHash(shape.topic);
  }

  make(partition: number, sequence: number, nowMs: number): AuditRecord {
    const filler = (bytes: number): Buffer => {
      const buffer = Buffer.allocUnsafe(bytes);
      // Every other stretch is words, the rest changes with the sequence.
      const from = (sequence * 31 + partition * 7) % (WORDS.length >> 1);
      for (let at = 0; at < bytes; at += WORDS.length >> 1)
        WORDS.copy(buffer, at, from, from + Math.min(bytes - at, WORDS.length >> 1));
      let state = (sequence * 2654435761 + partition * 40503 + 1) >>> 0;
      for (let at = 0; at < bytes; at += 16) {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        for (let i = at; i < Math.min(at + 4, bytes); i++) buffer[i] = (state >>> ((i - at) * 8)) & 0xff;
      }
      return buffer;
    };
    const tagged = (bytes: number, timestamp = nowMs): Buffer => {
      const value = filler(Math.max(bytes, TAG_BYTES));
      writeTag(value, { run: this.#run, topic: this.#topic, partition, sequence, timestamp });
      return value;
    };
    return { ...emptyRecord, ...this.#shape.make({ sequence, partition, nowMs, filler, tagged }) };
  }
}

const orders: TopicShape = {
  topic: 'orders',
  partitions: 8,
  codec: 'none',
  share: 25,
  batchRecords: 200,
  make: ({ sequence, nowMs, tagged }) => ({
    key: text(`customer-${sequence % 997}`),
    value: tagged(200 + (sequence % 9) * 100),
    headers: [header('source', 'shop'), header('trace', `t${sequence}`)],
    timestamp: nowMs,
  }),
};

const clicks: TopicShape = {
  topic: 'clicks',
  partitions: 16,
  codec: 'none',
  share: 40,
  batchRecords: 500,
  make: ({ nowMs, tagged }) => ({ key: null, value: tagged(TAG_BYTES + 12), headers: [], timestamp: nowMs }),
};

const payments: TopicShape = {
  topic: 'payments',
  partitions: 4,
  codec: 'lz4',
  share: 15,
  batchRecords: 200,
  make: ({ sequence, nowMs, tagged }) => ({
    key: text(`account-${sequence % 313}`),
    value: tagged(500),
    headers: sequence % 2 === 0 ? [header('currency', 'EUR')] : [],
    timestamp: nowMs - (sequence % 5),
  }),
};

const archive: TopicShape = {
  topic: 'archive',
  partitions: 3,
  codec: 'gzip',
  share: 10,
  batchRecords: 150,
  make: ({ sequence, nowMs, tagged }) => ({
    key: text(`doc-${sequence}`),
    value: tagged(800),
    headers: [],
    timestamp: nowMs,
  }),
};

/** Everything a record may be: null and empty keys and values, repeated, null and empty headers, odd timestamps. */
const auditLog: TopicShape = {
  topic: 'audit-log',
  partitions: 1,
  codec: 'none',
  share: 4,
  batchRecords: 50,
  make: ({ sequence, nowMs, tagged }) => {
    const timestamp =
      [nowMs, 0, 1, nowMs - 86_400_000 * 365, nowMs, nowMs + 60_000, 981_173_106_789][sequence % 7] ?? nowMs;
    const repeated = [
      header('step', '1'),
      header('step', '2'),
      header('step', '1'),
      header('none', null),
      header('empty', ''),
    ];
    switch (sequence % 6) {
      case 0:
        return { key: null, value: tagged(120, timestamp), headers: repeated, timestamp };
      case 1:
        return { key: tagged(TAG_BYTES, timestamp), value: null, headers: [...repeated].reverse(), timestamp };
      case 2:
        return { key: tagged(TAG_BYTES, timestamp), value: NO_BYTES, headers: [], timestamp };
      case 3:
        return {
          key: NO_BYTES,
          value: tagged(80, timestamp),
          headers: [header('', 'no name'), header('ünïcode', 'grüße')],
          timestamp,
        };
      case 4:
        return {
          key: null,
          value: null,
          headers: [[TAG_HEADER, tagged(TAG_BYTES, timestamp)]],
          timestamp,
        };
      default:
        // Known by nothing but its timestamp and its place.
        return { key: null, value: null, headers: [], timestamp: nowMs - (sequence % 1_000) };
    }
  },
};

const sensors: TopicShape = {
  topic: 'Sensors_v2.raw',
  partitions: 6,
  codec: 'snappy',
  share: 10,
  batchRecords: 200,
  make: ({ sequence, nowMs, tagged }) => ({
    key: text(`s${sequence % 50}`),
    value: tagged(300),
    headers: [],
    timestamp: nowMs,
  }),
};

const media: TopicShape = {
  topic: 'media',
  partitions: 2,
  codec: 'none',
  share: 0.1,
  batchRecords: 4,
  make: ({ sequence, nowMs, tagged }) => ({
    key: text(`m${sequence}`),
    value: tagged(100_000),
    headers: [header('type', 'image/png')],
    timestamp: nowMs,
  }),
};

const transfers: TopicShape = {
  topic: 'transfers',
  partitions: 3,
  codec: 'none',
  share: 5,
  batchRecords: 60,
  abortOneIn: 5,
  make: ({ sequence, nowMs, tagged }) => ({
    key: text(`iban-${sequence % 77}`),
    value: tagged(250),
    headers: [header('kind', 'sepa')],
    timestamp: nowMs,
  }),
};

const quiet: TopicShape = { ...clicks, topic: 'quiet', partitions: 2, share: 0 };

export const BASIC_SHAPES: readonly TopicShape[] = [orders, clicks, payments, archive, auditLog];
export const ALL_SHAPES: readonly TopicShape[] = [...BASIC_SHAPES, sensors, media, transfers, quiet];

/** One of ALL_SHAPES by its topic. */
export function shapeNamed(topic: string): TopicShape {
  const shape = ALL_SHAPES.find((candidate) => candidate.topic === topic);
  if (shape === undefined) throw new Error(`no shape writes to a topic ${topic}`);
  return shape;
}
