import type { PartitionView, TopicDetail } from '../../common/api/fleet-shapes.js';
import { counted, megabytes, seconds } from '../numbers.js';
import type { Result } from '../output.js';

/** A topic with its partitions, as `topic describe` shows it. */
export function describeResult(detail: TopicDetail): Result {
  const { route, topic, targetTopic, paused, lagRecords, lagSeconds, recordsPerS, bytesPerS, problems } = detail;
  return {
    value: detail,
    preface: [
      `Topic:   ${topic} on route ${route}${paused ? ' (paused by an operator)' : ''}`,
      `Target:  ${targetTopic}`,
      `Lag:     ${counted(lagRecords)} records, ${seconds(lagSeconds)} s`,
      `Rate:    ${counted(recordsPerS)} records/s, ${megabytes(bytesPerS)} MB/s`,
      '',
    ],
    columns: ['PARTITION', 'STATE', 'WORKER', 'THREAD', 'SOURCE', 'SOURCE-END', 'TARGET', 'LAG', 'LAG-S', 'REASON'],
    rows: detail.partitions.map(partitionRow),
    notes: problems.map(({ code, message }) => `${code}: ${message}`),
    empty: 'no partitions yet',
  };
}

function partitionRow(partition: PartitionView): string[] {
  const { state, worker, thread, sourceOffset, sourceEndOffset, targetOffset, lagRecords, lagSeconds } = partition;
  return [
    String(partition.partition),
    state,
    worker ?? '-',
    counted(thread),
    sourceOffset ?? '-',
    sourceEndOffset ?? '-',
    targetOffset ?? '-',
    counted(lagRecords),
    seconds(lagSeconds),
    reasonOf(partition),
  ];
}

function reasonOf({ stall, reason, throttledBy }: PartitionView): string {
  const said = stall ?? reason;
  if (said !== null) return `${said.code}: ${said.message}`;
  return throttledBy === null ? '' : `held back by the ${throttledBy}’s limit`;
}
