import { setTimeout as sleep } from 'node:timers/promises';
import { CONTROL_BIT, DELETE_HORIZON_BIT, TRANSACTIONAL_BIT } from '../../../common/kafka/wire/records/batch-header.js';
import type { AuditRecord } from '../../audit/record.js';
import type { Draft, TopicShape } from '../../audit/shapes.js';
import { TAG_BYTES, TAG_HEADER } from '../../audit/tag.js';
import { addPartitions, kafkaOf } from '../../audit/topics.js';
import { CODECS, plain, text } from './contents.js';
import { allBatches, type BatchFacts, hasBit, lackOf, type PartitionFacts } from './log-facts.js';
import { type Specimen, specimenShape } from './specimen.js';
import type { SpecimenWriter } from './specimen-writer.js';

const DAY_MS = 24 * 3_600_000;
const KEYS = 60;
const FIRST_KEYS = 20;
const BATCH_RECORDS = 25;
const BATCHES = 40;
const SEGMENT_MS = 300;

/** The first records' keys all come again, and so do most others: what stays lies between holes. Every 17th record is a tombstone. */
const changing: TopicShape['make'] = ({ sequence, nowMs, tagged }: Draft) => ({
  key: text(sequence >= FIRST_KEYS && sequence % 7 === 5 ? `only-${sequence}` : `key-${keyOf(sequence)}`),
  value: sequence % 17 === 16 ? null : tagged(160),
  headers: sequence % 17 === 16 ? [[TAG_HEADER, tagged(TAG_BYTES)]] : [],
  timestamp: nowMs,
});

const keyOf = (sequence: number): number => (sequence < FIRST_KEYS ? sequence : (sequence * 7) % KEYS);

const CLEANED = {
  'cleanup.policy': 'compact',
  'segment.bytes': '16384',
  'segment.ms': String(SEGMENT_MS),
  'min.cleanable.dirty.ratio': '0.01',
  'delete.retention.ms': String(DAY_MS),
};

async function fillCompacted(writer: SpecimenWriter): Promise<void> {
  for (const [partition, codec] of CODECS.entries()) {
    // Nothing of this producer's only batch outlives the others: its sequence has to be kept in an empty batch.
    const producer = await writer.producer();
    await writer.write({ partition, records: FIRST_KEYS, codec, ...producer, baseSequence: 0 });
    for (let i = 0; i < BATCHES; i += 1) await writer.write({ partition, records: BATCH_RECORDS, codec });
  }
  await sleep(SEGMENT_MS * 2);
  // Rolls the segment: the last one is never cleaned.
  for (const [partition, codec] of CODECS.entries()) await writer.write({ partition, records: 3, codec });
}

const isHoled = ({ baseOffset, lastOffset, records }: BatchFacts): boolean =>
  records > 0 && records < lastOffset - baseOffset + 1;
const isEmpty = ({ records }: BatchFacts): boolean => records === 0;

function compactedLacks(log: readonly PartitionFacts[]): string | undefined {
  const everywhere = (holds: (batch: BatchFacts) => boolean): boolean =>
    log.length > 0 && log.every(({ batches }) => batches.some(holds));
  return lackOf({
    'batches with holes': everywhere(isHoled),
    'emptied batches': everywhere(isEmpty),
    'tombstones with a delete horizon': everywhere(hasBit(DELETE_HORIZON_BIT)),
  });
}

/** The cleaner is told to stop; what it was at when told is waited for. */
async function freezeCompacted({ bootstrapServers, shape }: SpecimenWriter): Promise<void> {
  const admin = kafkaOf(bootstrapServers).admin();
  await admin.connect();
  try {
    const kept = {
      'cleanup.policy': 'compact',
      'min.cleanable.dirty.ratio': '1',
      'min.compaction.lag.ms': String(DAY_MS),
    };
    const configEntries = Object.entries({ ...kept, 'delete.retention.ms': String(DAY_MS) }).map(([name, value]) => ({
      name,
      value,
    }));
    await admin.alterConfigs({ validateOnly: false, resources: [{ type: 2, name: shape.topic, configEntries }] });
  } finally {
    await admin.disconnect();
  }
  await sleep(1_000);
}

const compacted: Specimen = {
  name: 'compacted source: batches with holes, emptied batches, tombstones with a delete horizon',
  shape: specimenShape('shape-compacted', CODECS.length, changing, CLEANED),
  route: 'pause',
  target: { 'cleanup.policy': 'compact', 'min.compaction.lag.ms': String(DAY_MS) },
  fill: fillCompacted,
  lacks: compactedLacks,
  freeze: freezeCompacted,
  targetLacks: (log) =>
    lackOf({
      'batches without holes alone': allBatches(log).length > 0 && !allBatches(log).some(isHoled),
      'no delete horizon': !allBatches(log).some(hasBit(DELETE_HORIZON_BIT)),
    }),
};

/** Two producers whose transactions overlap in the log, one of them aborting; plain records between. */
async function fillTransactions(writer: SpecimenWriter): Promise<void> {
  const { bootstrapServers, shape } = writer;
  const producers = ['a', 'b'].map((id) =>
    kafkaOf(bootstrapServers).producer({
      transactionalId: `gallery-${process.pid}-${id}`,
      idempotent: true,
      maxInFlightRequests: 1,
    }),
  );
  const [first, second] = producers;
  if (first === undefined || second === undefined) return;
  await Promise.all(producers.map((producer) => producer.connect()));
  try {
    for (let round = 0; round < 6; round += 1) {
      const aborting = await first.transaction();
      const committing = await second.transaction();
      for (const transaction of [aborting, committing, aborting, committing]) {
        for (let partition = 0; partition < shape.partitions; partition += 1) {
          const messages = writer.records(partition, 15).map((record) => messageOf(partition, record));
          await transaction.send({ topic: shape.topic, acks: -1, messages });
        }
      }
      for (let partition = 0; partition < shape.partitions; partition += 1)
        await writer.write({ partition, records: 5 });
      // Now one marker first, now the other.
      if (round % 2 === 0) await aborting.abort();
      await committing.commit();
      if (round % 2 === 1) await aborting.abort();
    }
  } finally {
    await Promise.all(producers.map((producer) => producer.disconnect()));
  }
}

function messageOf(partition: number, { key, value, headers, timestamp }: AuditRecord) {
  const named: Record<string, Buffer> = {};
  for (const [name, content] of headers) named[name.toString()] = content ?? Buffer.alloc(0);
  return { partition, key, value, headers: named, timestamp: String(timestamp) };
}

const transactions: Specimen = {
  name: 'control batches and aborted transactions between committed ones',
  shape: specimenShape('shape-transactions', 2, plain),
  route: 'pause',
  fill: fillTransactions,
  lacks: (log) =>
    lackOf({
      'control batches': allBatches(log).filter(hasBit(CONTROL_BIT)).length >= 12,
      'aborted transactions': log.every(({ aborted }) => aborted >= 6),
      'transactional and plain batches': allBatches(log).some((batch) => !hasBit(TRANSACTIONAL_BIT)(batch)),
    }),
  targetLacks: (log) => lackOf({ 'no control batches': !allBatches(log).some(hasBit(CONTROL_BIT)) }),
};

const CUT_AT = 37;

const insideBatch: Specimen = {
  name: 'a log that begins inside a batch',
  shape: specimenShape('shape-inside-batch', CODECS.length, plain),
  route: 'pause',
  fill: async (writer) => {
    for (const [partition, codec] of CODECS.entries()) {
      for (let i = 0; i < 4; i += 1) await writer.write({ partition, records: 60, codec });
    }
    const admin = kafkaOf(writer.bootstrapServers).admin();
    await admin.connect();
    try {
      // kafkajs finds the leaders only of topics it was asked about before.
      await admin.fetchTopicOffsets(writer.shape.topic);
      const partitions = CODECS.map((_, partition) => ({ partition, offset: String(CUT_AT) }));
      await admin.deleteTopicRecords({ topic: writer.shape.topic, partitions });
    } finally {
      await admin.disconnect();
    }
  },
  lacks: (log) =>
    lackOf({
      'a start inside a batch': log.every(
        ({ start, batches: [first] }) => start === CUT_AT && first !== undefined && first.baseOffset < start,
      ),
    }),
};

const INITIAL_PARTITIONS = 2;
const LATER_PARTITIONS = 5;

const growing: Specimen = {
  name: 'a source topic that gains partitions while it is mirrored',
  shape: specimenShape('shape-growing', INITIAL_PARTITIONS, plain),
  route: 'pause',
  fill: async (writer) => {
    for (let partition = 0; partition < INITIAL_PARTITIONS; partition += 1)
      await writer.write({ partition, records: 100 });
  },
  lacks: (log) => lackOf({ [`${INITIAL_PARTITIONS} partitions`]: log.length === INITIAL_PARTITIONS }),
  finalPartitions: LATER_PARTITIONS,
  goOn: async (writer) => {
    await addPartitions(writer.bootstrapServers, writer.shape.topic, LATER_PARTITIONS);
    for (let i = 0; i < 10; i += 1) {
      for (let partition = 0; partition < LATER_PARTITIONS; partition += 1)
        await writer.write({ partition, records: 20 });
    }
  },
  targetLacks: (log) =>
    lackOf({
      [`records in ${LATER_PARTITIONS} partitions`]: log.filter(({ end }) => end > 0).length === LATER_PARTITIONS,
    }),
};

/** Logs that no producer alone can make. */
export const LOG_SPECIMENS: readonly Specimen[] = [compacted, transactions, insideBatch, growing];
