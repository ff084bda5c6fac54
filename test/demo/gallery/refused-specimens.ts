import type { TopicShape } from '../../audit/shapes.js';
import { incompressible, plain, text } from './contents.js';
import { allBatches, lackOf } from './log-facts.js';
import { type Specimen, specimenShape } from './specimen.js';

const LIMIT_BYTES = 100_000;
const OVERSIZED_BYTES = 200_000;
const HOUR_MS = 3_600_000;

/** Every seventh record alone is larger than the target takes. */
const oversized: TopicShape['make'] = (draft) => {
  const { sequence, nowMs } = draft;
  const value = incompressible(draft, sequence % 7 === 3 ? OVERSIZED_BYTES : 1_000);
  return { key: text(`key-${sequence % 5}`), value, headers: [], timestamp: nowMs };
};

/** Stretches of records without a key between others, and whole batches of both. */
const unkeyed: TopicShape['make'] = (draft) => {
  const { sequence } = draft;
  const hasKey = sequence < 200 ? sequence % 5 !== 0 : sequence < 250;
  return { ...plain(draft), key: hasKey ? text(`key-${sequence}`) : null };
};

/** Beyond message.timestamp.after.max.ms, an hour unless said since Kafka 4.0. */
const early: TopicShape['make'] = (draft) => {
  const content = plain(draft);
  const { sequence, nowMs } = draft;
  return sequence % 9 === 4 ? { ...content, timestamp: nowMs + 3 * HOUR_MS + sequence } : content;
};

const kinds = [
  {
    name: 'records too large for the target',
    topic: 'shape-oversized',
    make: oversized,
    source: { 'max.message.bytes': String(8 << 20) },
    target: { 'max.message.bytes': String(LIMIT_BYTES) },
    batches: 8,
    records: 12,
  },
  {
    name: 'records without a key for a compacted target',
    topic: 'shape-unkeyed',
    make: unkeyed,
    source: {},
    // Nothing is to be cleaned away before it has been compared.
    target: { 'cleanup.policy': 'compact', 'min.compaction.lag.ms': String(24 * HOUR_MS) },
    batches: 6,
    records: 50,
  },
  {
    name: 'timestamps that the target refuses',
    topic: 'shape-early',
    make: early,
    source: {},
    target: {},
    batches: 8,
    records: 40,
  },
] as const;

/** Each with a route that leaves such records out, and with one that keeps them as dead letters. */
export const REFUSED_SPECIMENS: readonly Specimen[] = kinds.flatMap((kind) =>
  (['skip', 'letters'] as const).map((route): Specimen => {
    const policy = route === 'skip' ? 'skip' : 'dead-letter';
    return {
      name: `${kind.name}: ${policy}`,
      shape: specimenShape(`${kind.topic}-${policy}`, 3, kind.make, kind.source),
      route,
      target: kind.target,
      fill: async (writer) => {
        for (const [partition, codec] of (['none', 'lz4', 'gzip'] as const).entries()) {
          for (let i = 0; i < kind.batches; i += 1) await writer.write({ partition, records: kind.records, codec });
        }
      },
      lacks: (log) => lackOf({ 'all batches': allBatches(log).length === 3 * kind.batches }),
    };
  }),
);
