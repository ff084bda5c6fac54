import { setTimeout as sleep } from 'node:timers/promises';
import { compareClusters } from '../../audit/compare-clusters.js';
import { createTopics, kafkaOf } from '../../audit/topics.js';
import { FLEET, ROUTE } from '../../demo/fleet.js';
import { comesTrue } from '../acts/waiting.js';
import type { Doer, Field } from '../field.js';
import { BROKERS, brokerOf } from '../plan.js';
import { order } from './orders.js';
import { killWorker } from './processes.js';

const PARTITIONS = 6;
const RECORDS = 600;
const COPIED_LIMIT_MS = 20_000;
/** The fence of a worker that was killed begins within this. */
const FENCE_WITHIN_MS = 2_500;
const LOOKED_AT_MS = 8_000;
/** Until workers that were killed or fenced meanwhile have their partitions back, or somebody else has. */
const TOLD_LIMIT_MS = 60_000;
const BETWEEN_MS = 300;

/** Some of the partitions without a leader when their worker dies: those have one copy only (5.5). */
export const leaderlessInFence: Doer = async (field, fault) => {
  const broker = field.bed.target.brokers[brokerOf(fault.slot) - 1];
  await broker?.kill();
  await sleep(BETWEEN_MS);
  const revive = await killWorker(field, fault);
  return async () => {
    await broker?.start();
    await revive();
  };
};

/** A topic of its own goes, at both sides, while the lanes that wrote to it are fenced (5.3). */
export const deleteTopicInFence: Doer = async (field, fault) => {
  const topic = `doomed-${fault.number}`;
  await mirror(field, topic);
  const revive = await killWorker(field, fault);
  await sleep(fault.variant * FENCE_WITHIN_MS);
  await Promise.all([
    remove(field.bed.target.bootstrapServers, topic),
    remove(field.bed.source.bootstrapServers, topic),
  ]);
  field.say(`${topic} is gone`);
  return async () => {
    await order(field, (client) => client.deleteTopic(ROUTE, topic));
    await revive();
  };
};

/** A mirror is deleted and made again, empty, under its writer. Its partitions have to say so, or hold every record all the same. */
export const recreateTarget: Doer = async (field, fault) => {
  const topic = `reborn-${fault.number}`;
  await mirror(field, topic);
  await remove(field.bed.target.bootstrapServers, topic);
  await sleep(BETWEEN_MS);
  // The leader may have been quicker.
  await createTopics(field.bed.target.bootstrapServers, [{ topic, partitions: PARTITIONS }], BROKERS).catch(
    () => undefined,
  );
  await write(field.bed.source.bootstrapServers, topic);
  return async () => {
    await sleep(LOOKED_AT_MS);
    let seen = await look(field, topic);
    // Only who holds a partition can say why it stands still, and another fault may have taken it from its worker.
    const isTold = async (): Promise<boolean> => {
      seen = await look(field, topic);
      return seen.silent.length === 0;
    };
    if (seen.silent.length > 0) await comesTrue(isTold, TOLD_LIMIT_MS, field.sampler.over);
    await order(field, (client) => client.deleteTopic(ROUTE, topic));
    if (seen.silent.length > 0)
      throw new Error(`${topic}: records are missing in partitions ${seen.silent.join()}, which do not say so`);
    const { duplicated, reordered, different, phantom } = seen;
    if (duplicated + reordered + different + phantom === 0) return;
    const faults = `${duplicated} duplicated, ${reordered} reordered, ${different} different, ${phantom} phantoms`;
    throw new Error(`${topic}: the new mirror is not a copy: ${faults}`);
  };
};

/** The topic at both sides now; `silent`: partitions that lack records and do not say why. */
async function look(field: Field, topic: string) {
  const missing = new Set<number>();
  const { source, target } = field.bed;
  const comparison = await compareClusters({
    source: source.bootstrapServers,
    target: target.bootstrapServers,
    topics: [topic],
    fleet: FLEET,
    ignoresOtherGaps: true,
    onMissing: ({ partition }) => missing.add(partition),
  });
  const held = field.sampler.held.filter((one) => one.topic === topic);
  const told = held.filter(({ state }) => state === 'paused' || state === 'backing-off');
  const silent = [...missing].filter((partition) => !told.some((one) => one.partition === partition));
  field.say(
    `${topic}: ${comparison.missing} of ${comparison.records} missing; ${told.length} of ${held.length} partitions say why (${told[0]?.reason ?? ''})`,
  );
  return { ...comparison, silent };
}

/** A topic of its own, mirrored until all that was written is at the target. */
async function mirror(field: Field, topic: string): Promise<void> {
  const { source } = field.bed;
  await createTopics(source.bootstrapServers, [{ topic, partitions: PARTITIONS }], BROKERS);
  await write(source.bootstrapServers, topic);
  await order(field, (client) => client.addTopic(ROUTE, { topic }));
  const isCopied = (): boolean => {
    const held = field.sampler.held.filter((one) => one.topic === topic);
    return held.length === PARTITIONS && held.every(({ state, lagRecords }) => state === 'running' && lagRecords === 0);
  };
  if (!(await comesTrue(isCopied, COPIED_LIMIT_MS, field.sampler.over))) field.say(`${topic} is not copied yet`);
}

async function write(bootstrapServers: string, topic: string): Promise<void> {
  const producer = kafkaOf(bootstrapServers).producer();
  await producer.connect();
  try {
    const messages = Array.from({ length: RECORDS }, (_, n) => ({ value: `record ${n}`, partition: n % PARTITIONS }));
    await producer.send({ topic, messages });
  } finally {
    await producer.disconnect();
  }
}

async function remove(bootstrapServers: string, topic: string): Promise<void> {
  const admin = kafkaOf(bootstrapServers).admin();
  await admin.connect();
  try {
    await admin.deleteTopics({ topics: [topic] });
  } finally {
    await admin.disconnect();
  }
}
