import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FleetExport } from '../../../common/api/transfer-shapes.js';
import { ANY_VERSION } from '../../../common/coordination/ports.js';
import { decodeEpoch, decodeFleet } from '../../../common/coordination/records/control.js';
import { decodeTopicProgress } from '../../../common/coordination/records/desired.js';
import { decodeJob, encodeJob } from '../../../common/coordination/records/job.js';
import { EPOCH, FLEET, jobPath, progressPath, topicPath } from '../../../common/coordination/znodes.js';
import { isCausewayError } from '../../../common/errors/error.js';
import type { Job } from '../../../common/model/job.js';
import { ControllerKit, until } from './kit.js';

async function fleet(topics: number) {
  const kit = await ControllerKit.open();
  for (let i = 0; i < topics; i++) kit.kafka.addTopic('east', `t${i}`, 2);
  const controller = await kit.controller();
  await until(async () => (await controller.client.status()).leader !== null);
  for (const id of ['a', 'b']) await kit.worker(id, { lanes: true });
  for (let i = 0; i < topics; i++) await controller.client.addTopic('r', { topic: `t${i}` });
  await kit.balanced(2 * topics);
  // What is remembered of them is written down: a saved state is the present one.
  for (let i = 0; i < topics; i++) await until(async () => (await begun(kit, `t${i}`)) === 2);
  return { kit, client: controller.client };
}

async function begun(kit: ControllerKit, topic: string): Promise<number> {
  const node = await kit.store.get(progressPath('r', topic));
  return node === undefined ? 0 : decodeTopicProgress(node.data, '').started.length;
}

const deleteAll = async (kit: ControllerKit, path: string): Promise<void> => {
  for (const name of (await kit.store.children(path)) ?? [])
    await deleteAll(kit, path === '/' ? `/${name}` : `${path}/${name}`);
  if (path !== '/') await kit.store.remove(path, ANY_VERSION).catch(() => undefined);
};

const epochOf = async (kit: ControllerKit): Promise<number> => {
  const node = await kit.store.get(EPOCH);
  return node === undefined ? 0 : decodeEpoch(node.data, EPOCH).epoch;
};

test('7.6 wiped, then imported: the same fleet at a higher epoch, and its controllers lead again by themselves', async () => {
  const { kit, client } = await fleet(3);
  try {
    const saved = await client.export();
    const before = await epochOf(kit);
    const fleetId = decodeFleet((await kit.store.get(FLEET))?.data ?? Buffer.alloc(0), FLEET).fleetId;
    await deleteAll(kit, '/');
    await until(async () => (await client.status()).alarms.some(({ code }) => code === 'STORE_CONTRADICTS'));
    assert.equal(Object.values(kit.held()).flat().length, 6, 'copied on meanwhile');
    const { epoch } = await client.import(saved);
    assert.ok((epoch ?? 0) > before);
    await until(async () => (await client.status()).leader !== null);
    assert.equal(decodeFleet((await kit.store.get(FLEET))?.data ?? Buffer.alloc(0), FLEET).fleetId, fleetId);
    assert.ok((await epochOf(kit)) > (epoch ?? 0), 'a reign of its own');
    await until(async () => (await client.status()).alarms.length === 0);
    assert.deepEqual(
      (await client.listTopics('r')).topics.map(({ topic }) => topic),
      ['t0', 't1', 't2'],
    );
  } finally {
    kit.ownership.violations.length = 0;
    await kit.close();
  }
});

test('7.6 the epoch goes above the highest that a living worker has seen, and that the export says', async () => {
  const { kit, client } = await fleet(1);
  try {
    const saved = await client.export();
    for (const worker of kit.workers.values()) {
      worker.seenEpoch = 41;
      await worker.announce();
    }
    assert.equal((await client.import(saved)).epoch, 42);
    assert.equal((await client.import({ ...saved, epoch: 99 })).epoch, 100);
    await until(async () => (await client.status()).leader !== null && (await epochOf(kit)) > 100);
  } finally {
    await kit.close();
  }
});

test('an import puts back what is gone, changes what is different, removes nothing, and disturbs nobody', async () => {
  const { kit, client } = await fleet(2);
  try {
    const saved = await client.export();
    await kit.store.remove(topicPath('r', 't0'), ANY_VERSION);
    kit.kafka.addTopic('east', 'later', 2);
    await client.addTopic('r', { topic: 'later' });
    await kit.balanced(6);
    const { written } = await client.import(saved);
    assert.ok(written >= 1);
    await until(async () => (await client.status()).leader !== null && (await client.status()).alarms.length === 0);
    assert.deepEqual(
      (await client.listTopics('r')).topics.map(({ topic }) => topic),
      ['later', 't0', 't1'],
    );
    assert.equal(Object.values(kit.held()).flat().length, 6);
  } finally {
    await kit.close();
  }
});

test('jobs go along, however large: the same job stands there again, and its node is what it was', async () => {
  const { kit, client } = await fleet(1);
  try {
    const ranges = Array.from({ length: 2_000 }, (_, partition) => ({ partition, from: 0n, until: 10n ** 15n }));
    const job: Job = {
      ...{
        id: 'large',
        run: 'r',
        source: 'east',
        target: 'west',
        delivery: 'exactly-once',
        isolation: 'read_committed',
      },
      ...{ timestamps: 'keep', limits: { recordsPerS: 5 }, state: 'cancelled', createdAt: '2026-01-01T00:00:00.000Z' },
      topics: [{ topic: 't0', targetTopic: 'replay', partitions: 2_000, ranges }],
      progress: ranges.map(({ partition }) => {
        const stay = { incarnation: 'worker-with-a-name-1', records: 5, bytes: 10 ** 9, gapRecords: 0 };
        const { incarnation: _who, ...counts } = stay;
        return { topic: 't0', partition, isDone: false, position: 10n ** 14n + BigInt(partition), ...counts, stay };
      }),
    };
    await kit.store.create(jobPath('large'), encodeJob(job));
    const saved = JSON.parse(JSON.stringify(await client.export())) as FleetExport;
    await kit.store.remove(jobPath('large'), ANY_VERSION);
    await client.import(saved);
    const node = await kit.store.get(jobPath('large'));
    assert.ok(node !== undefined);
    assert.deepEqual(decodeJob(node.data, ''), job);
    assert.equal((await client.import(saved)).written, 0, 'the same once more changes nothing');
    const elsewhere = saved.nodes.map((one) =>
      one.path === jobPath('large') ? { ...one, path: '/topics/r/t9' } : one,
    );
    await assert.rejects(client.import({ ...saved, nodes: elsewhere }), (error) =>
      isCausewayError(error, 'INVALID_REQUEST'),
    );
  } finally {
    await kit.close();
  }
});

test('another fleet’s export, and nodes that belong to none, are refused and write nothing', async () => {
  const { kit, client } = await fleet(1);
  try {
    const saved = await client.export();
    const refused = async (change: Partial<FleetExport>): Promise<void> => {
      await assert.rejects(client.import({ ...saved, ...change }), (error) =>
        isCausewayError(error, 'INVALID_REQUEST'),
      );
    };
    const before = await epochOf(kit);
    await refused({ fleet: 'somebody-elses' });
    for (const path of ['/epoch', '/leader', '/assignments/a', '/topics/r', '/topics/r/../t', '/routes/a b']) {
      await refused({ nodes: [{ path, record: '{}' }] });
    }
    await refused({ nodes: [{ path: '/topics/r/x', record: 'garbage' }] });
    assert.equal(await epochOf(kit), before);
  } finally {
    await kit.close();
  }
});
