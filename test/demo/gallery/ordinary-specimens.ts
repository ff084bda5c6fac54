import { LOG_APPEND_TIME_BIT } from '../../../common/kafka/wire/records/batch-header.js';
import { CODECS, odd, plain, tiny } from './contents.js';
import { allBatches, type BatchFacts, hasBit, lackOf, type PartitionFacts } from './log-facts.js';
import { type Specimen, specimenShape } from './specimen.js';
import type { SpecimenWriter } from './specimen-writer.js';

const BATCHES = 20;
const LARGE_TOPIC = { 'max.message.bytes': String(32 << 20) };

/** Some batches in every codec, one partition each. */
async function fillCodecs(writer: SpecimenWriter, records = 40): Promise<void> {
  for (const [partition, codec] of CODECS.entries()) {
    for (let i = 0; i < BATCHES; i += 1) await writer.write({ partition, records, codec });
  }
}

const everyCodec = (log: readonly PartitionFacts[]): string | undefined =>
  lackOf(
    Object.fromEntries(
      CODECS.map((codec) => [`batches in ${codec}`, allBatches(log).some((batch) => batch.codec === codec)]),
    ),
  );
const only = (what: string, holds: (batch: BatchFacts) => boolean) => (log: readonly PartitionFacts[]) =>
  lackOf({ [what]: allBatches(log).length > 0 && allBatches(log).every(holds) });

const codecs: Specimen = {
  name: 'all five codecs, tombstones, null and repeated headers, empty keys and values',
  shape: specimenShape('shape-codecs', CODECS.length, odd),
  route: 'pause',
  fill: fillCodecs,
  lacks: everyCodec,
  targetLacks: everyCodec,
};

const recompressed = (['gzip', 'lz4', 'uncompressed'] as const).map((type): Specimen => {
  const codec = type === 'uncompressed' ? 'none' : type;
  return {
    name: `target compression.type=${type}`,
    shape: specimenShape(`shape-to-${type}`, CODECS.length, plain),
    route: 'pause',
    target: { 'compression.type': type },
    fill: fillCodecs,
    lacks: everyCodec,
    targetLacks: only(`nothing but ${codec}`, (batch) => batch.codec === codec),
  };
});

const routeCodec: Specimen = {
  name: 'a route that compresses with zstd',
  shape: specimenShape('shape-route-zstd', CODECS.length, plain),
  route: 'recompress',
  fill: fillCodecs,
  lacks: everyCodec,
  targetLacks: only('nothing but zstd', (batch) => batch.codec === 'zstd'),
};

const STAMPING = { 'message.timestamp.type': 'LogAppendTime' };
const stampedBatches = only('append time in every batch', hasBit(LOG_APPEND_TIME_BIT));

const appendTime: readonly Specimen[] = [
  {
    name: 'LogAppendTime source',
    shape: specimenShape('shape-append-source', CODECS.length, plain, STAMPING),
    route: 'pause',
    fill: fillCodecs,
    lacks: stampedBatches,
  },
  {
    name: 'LogAppendTime target',
    shape: specimenShape('shape-append-target', CODECS.length, plain),
    route: 'pause',
    target: STAMPING,
    stamped: true,
    fill: fillCodecs,
    lacks: everyCodec,
    targetLacks: stampedBatches,
  },
  {
    name: 'LogAppendTime source and target',
    shape: specimenShape('shape-append-both', CODECS.length, plain, STAMPING),
    route: 'pause',
    target: STAMPING,
    stamped: true,
    fill: fillCodecs,
    lacks: stampedBatches,
    targetLacks: stampedBatches,
  },
];

const single: Specimen = {
  name: 'batches of one record',
  shape: specimenShape('shape-single', 2, plain),
  route: 'pause',
  fill: async (writer) => {
    for (let i = 0; i < 300; i += 1) await writer.write({ partition: i % 2, records: 1 });
  },
  lacks: only('nothing but single records', ({ records }) => records === 1),
};

const HUGE = 200_000;
const hasHuge = (log: readonly PartitionFacts[]): string | undefined =>
  lackOf({ [`a batch of ${HUGE} records`]: allBatches(log).some(({ records }) => records === HUGE) });

const huge: readonly Specimen[] = [
  {
    name: 'a batch of 200,000 records, taken whole',
    shape: specimenShape('shape-200000', 1, tiny, LARGE_TOPIC),
    route: 'pause',
    target: LARGE_TOPIC,
    fill: async (writer) => {
      await writer.write({ partition: 0, records: HUGE, codec: 'lz4' });
      await writer.write({ partition: 0, records: 10 });
    },
    lacks: hasHuge,
    targetLacks: hasHuge,
  },
  {
    name: 'a batch of 200,000 records, split for the target',
    shape: specimenShape('shape-200000-split', 1, tiny, LARGE_TOPIC),
    route: 'pause',
    fill: async (writer) => {
      await writer.write({ partition: 0, records: HUGE, codec: 'zstd' });
      await writer.write({ partition: 0, records: 10 });
    },
    lacks: hasHuge,
  },
];

const SMALL_TARGET_BYTES = 100_000;
const split: Specimen = {
  name: 'batches larger than the target’s max.message.bytes',
  shape: specimenShape('shape-large-batches', 3, plain, LARGE_TOPIC),
  route: 'pause',
  target: { 'max.message.bytes': String(SMALL_TARGET_BYTES) },
  fill: async (writer) => {
    for (const [partition, codec] of (['none', 'gzip', 'zstd'] as const).entries()) {
      for (let i = 0; i < 4; i += 1) {
        await writer.write({ partition, records: 9_000, codec });
        await writer.write({ partition, records: 50, codec });
      }
    }
  },
  lacks: (log) =>
    lackOf({
      'large batches in every partition': log.every(({ batches }) =>
        batches.some(({ bytes }) => bytes > SMALL_TARGET_BYTES),
      ),
    }),
  targetLacks: only('nothing but small batches', ({ bytes }) => bytes <= SMALL_TARGET_BYTES),
};

export const ORDINARY_SPECIMENS: readonly Specimen[] = [
  codecs,
  ...recompressed,
  routeCodec,
  ...appendTime,
  single,
  ...huge,
  split,
];
