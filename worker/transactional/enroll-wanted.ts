import { KafkaCode, kafkaError } from '../../common/kafka/wire/error-codes.js';
import type { Enrolment } from './enrolment.js';
import type { RiderPort } from './rider.js';
import type { Riders } from './riders.js';
import type { TransactionCalls } from './transaction-calls.js';

/**
 * Makes what was asked for part of the transaction; partitions that the target does not take in begin anew.
 * @param withRiders also partitions whose batches wait for it; otherwise only what those that are in it need
 * @returns whether there was anything to do
 */
export async function enrollWanted(
  calls: TransactionCalls,
  { enrolment, riders, port }: { readonly enrolment: Enrolment; readonly riders: Riders; readonly port: RiderPort },
  withRiders: boolean,
): Promise<boolean> {
  const wanted = enrolment.take(withRiders, (partition) => riders.has(partition));
  if (wanted.partitions.length > 0) {
    const dropped = await calls.addPartitions(wanted.partitions);
    for (const { partition, code } of enrolment.added(wanted, dropped)) {
      const { topic, partition: number, route } = partition.item;
      const { message } = kafkaError(code, { route, topic, partition: number }, 'write into the target partition');
      const isMissing = code === KafkaCode.UNKNOWN_TOPIC_OR_PARTITION;
      port.restart(partition, { code: isMissing ? 'TARGET_TOPIC_MISSING' : 'KAFKA_AUTH_FAILED', message });
    }
    for (const partition of wanted.riders) if (enrolment.has(partition.targetKey)) port.ready(partition);
    return true;
  }
  const group = enrolment.takeGroup(riders.members().map(({ partition }) => partition.group));
  if (group === undefined) return false;
  await calls.addGroup(group);
  return true;
}
