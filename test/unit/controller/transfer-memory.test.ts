import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RecoveryClient } from '../../../common/api/recovery-client.js';
import type { RecoveryView } from '../../../common/api/recovery-shapes.js';
import { type FleetExport, MAX_RECORD_BYTES } from '../../../common/api/transfer-shapes.js';
import { ANY_VERSION } from '../../../common/coordination/ports.js';
import { decodeRecovery, encodeRecovery } from '../../../common/coordination/records/recovery.js';
import { decodeRightsMemory, encodeRightsMemory } from '../../../common/coordination/records/rights.js';
import { encodeSchemaPromotion } from '../../../common/coordination/records/schemas.js';
import { recoveryPath, rightsPath, schemasPath } from '../../../common/coordination/znodes.js';
import type { Recovery } from '../../../common/model/recovery.js';
import { MAX_REMEMBERED_RIGHTS, type RightsMemory } from '../../../common/model/rights-memory.js';
import { type LogFields, silentLogger } from '../../../common/observability/logger.js';
import { systemClock } from '../../../common/runtime/clock.js';
import { TransferService } from '../../../controller/rest/transfer-service.js';
import { copyingFleet } from './copying-fleet.js';
import { ControllerKit, until } from './kit.js';
import { recoveryAt } from './recovery-samples.js';

const PROMOTION = { route: 'r', target: 'west', at: '2026-01-01T00:00:00.000Z', reason: 'recovery of march' };
const RIGHTS: RightsMemory = {
  route: 'r',
  target: 'west',
  acls: ['acl a', 'acl b'],
  quotas: [{ entity: { user: 'app' }, key: 'producer_byte_rate', value: 5 }],
};
/** Whom it denied to write is written down nowhere else. */
const OVER: Recovery = {
  ...recoveryAt('done', 'settle'),
  facts: { out: { fences: [{ cluster: 'east', topics: ['t'], principals: ['User:app'] }] }, back: {} },
};

/** A store with a fleet in it that nobody leads. */
async function fleetless() {
  const kit = await ControllerKit.open();
  const said: (readonly [string, LogFields | undefined])[] = [];
  const logger = { ...silentLogger, warn: (event: string, fields?: LogFields) => void said.push([event, fields]) };
  const parts = { store: kit.store, fleet: 'test', clock: systemClock };
  const transfer = new TransferService({ ...parts, logger, highestEpoch: () => 0 });
  const put = async (nodes: FleetExport['nodes'] = []) =>
    await transfer.import({ fleet: 'test', fleetId: 'f', epoch: 0, nodes, last: true });
  await put();
  const saved = async () => JSON.parse(JSON.stringify(await transfer.export())) as FleetExport;
  const read = async (path: string): Promise<Buffer> => (await kit.store.get(path))?.data ?? Buffer.alloc(0);
  return { kit, put, saved, read, said };
}

describe('what an export remembers', () => {
  test('promotions, rights that were set, and recovery programs: the same nodes stand there again, and once more changes nothing', async () => {
    const { kit, put, saved, read } = await fleetless();
    try {
      const nodes = new Map([
        [schemasPath('r'), encodeSchemaPromotion(PROMOTION)],
        [rightsPath('r'), encodeRightsMemory(RIGHTS)],
        [recoveryPath(OVER.id), encodeRecovery(OVER)],
      ]);
      for (const [path, data] of nodes) await kit.store.create(path, data);
      const exported = await saved();
      assert.deepEqual(new Set(exported.nodes.map(({ path }) => path)), new Set(nodes.keys()));
      for (const path of nodes.keys()) await kit.store.remove(path, ANY_VERSION);
      assert.equal((await put(exported.nodes)).written, 3);
      for (const [path, data] of nodes) assert.deepEqual(await read(path), data, path);
      assert.equal((await put(exported.nodes)).written, 0);
    } finally {
      await kit.close();
    }
  });

  test('a record that is too large for one is left out and told; the others are there', async () => {
    const { kit, saved, said } = await fleetless();
    try {
      const acls = Array.from({ length: MAX_REMEMBERED_RIGHTS }, (_, i) => `${i}`.padStart(100, 'x'));
      await kit.store.create(rightsPath('large'), encodeRightsMemory({ ...RIGHTS, acls }));
      await kit.store.create(rightsPath('r'), encodeRightsMemory(RIGHTS));
      assert.deepEqual(
        (await saved()).nodes.map(({ path }) => path),
        [rightsPath('r')],
      );
      const fields = { path: rightsPath('large'), maxBytes: MAX_RECORD_BYTES };
      assert.deepEqual(
        said.filter(([event]) => event === 'export.node-left-out'),
        [['export.node-left-out', fields]],
      );
    } finally {
      await kit.close();
    }
  });

  test('rights that were set since the export stay remembered beside those that it knows', async () => {
    const { kit, put, saved, read } = await fleetless();
    try {
      const path = rightsPath('r');
      const remembered = async () => decodeRightsMemory(await read(path), path);
      await kit.store.create(path, encodeRightsMemory(RIGHTS));
      const { nodes } = await saved();
      const quota = (value: number) => ({ entity: { user: 'app' }, key: 'producer_byte_rate', value });
      const since = { ...RIGHTS, acls: ['acl c', 'acl b'], quotas: [quota(9)] };
      await kit.store.set(path, encodeRightsMemory(since), ANY_VERSION);
      assert.equal((await put(nodes)).written, 1);
      assert.deepEqual(await remembered(), { ...since, acls: ['acl c', 'acl b', 'acl a'] });
      assert.equal((await put(nodes)).written, 0);
      await kit.store.set(path, encodeRightsMemory({ ...since, target: 'north' }), ANY_VERSION);
      assert.equal((await put(nodes)).written, 1);
      assert.deepEqual(await remembered(), RIGHTS, 'what was set at another cluster is not this one’s');
    } finally {
      await kit.close();
    }
  });

  test('a recovery program that has come further since is what it became', async () => {
    const { kit, put, saved, read } = await fleetless();
    try {
      const path = recoveryPath(OVER.id);
      await kit.store.create(path, encodeRecovery({ ...OVER, state: 'running' }));
      const { nodes } = await saved();
      assert.equal(nodes.length, 1);
      const now = encodeRecovery({ ...OVER, updatedAt: '2026-03-01T00:00:00.001Z' });
      await kit.store.set(path, now, ANY_VERSION);
      assert.equal((await put(nodes)).written, 0);
      assert.deepEqual(await read(path), now);
    } finally {
      await kit.close();
    }
  });

  test('a recovery program that was under way waits for an operator, and is imported once', async () => {
    const { kit, put, read } = await fleetless();
    try {
      const underWay = recoveryAt('running', 'stop');
      const path = recoveryPath(underWay.id);
      const node = { path, record: JSON.stringify({ v: 1, ...underWay }) };
      assert.equal((await put([node])).written, 1);
      const held = decodeRecovery(await read(path), path);
      assert.equal(held.state, 'failed');
      assert.equal((await put([node])).written, 0);
      assert.deepEqual(decodeRecovery(await read(path), path), held);
    } finally {
      await kit.close();
    }
  });
});

describe('a recovery program out of an old export', () => {
  test('is not gone on with by the leader: nothing stops before an operator has it resumed, and it can be given up', async () => {
    const { kit, worker, client } = await copyingFleet();
    const recoveries = new RecoveryClient(client.transport);
    const view = (id: string, state: RecoveryView['state']): Promise<RecoveryView> =>
      until(async () => {
        const found = await recoveries.get(id);
        return found.state === state && found;
      }) as Promise<RecoveryView>;
    try {
      const options = { groups: false, force: true, confirm: ['stop', 'settle'] };
      const { id } = await recoveries.begin({ kind: 'failover', route: 'r', options });
      await view(id, 'waiting');
      const saved = await client.export();
      // As it would be a moment after `stop` was confirmed, ten days ago.
      const nodes = saved.nodes.map((node) => {
        if (node.path !== recoveryPath(id)) return node;
        const old = JSON.parse(node.record) as Recovery;
        const startedAt = new Date(Date.now() - 864_000_000).toISOString();
        const steps = old.steps.map((step) =>
          step.id === 'stop' ? { ...step, state: 'running', startedAt, attempts: 1 } : step,
        );
        return { ...node, record: JSON.stringify({ ...old, state: 'running', confirmed: ['stop'], steps }) };
      });
      await kit.store.remove(recoveryPath(id), ANY_VERSION);
      await client.import({ ...saved, nodes });
      const held = await recoveries.get(id);
      assert.equal(held.state, 'failed');
      assert.match(held.message ?? '', /^imported as it stood at 2.*then resume or abort it/);
      await until(async () => (await client.status()).leader !== null);
      await assert.rejects(recoveries.begin({ kind: 'switchover', route: 'r' }), { code: 'RECOVERY_UNDER_WAY' });
      assert.equal((await client.getTopic('r', 't')).value.retired, null);
      assert.equal(worker.held.size, 2, 'copied on');
      await recoveries.resume(id);
      assert.match(
        (await view(id, 'waiting')).steps.map((step) => `${step.id} ${step.state}`).join(),
        /stop done,settle waiting/,
      );
      assert.equal(worker.held.size, 0);
      await recoveries.abort(id);
      await view(id, 'aborted');
      await until(() => worker.held.size === 2);
      await client.import({ ...saved, nodes });
      assert.equal((await recoveries.get(id)).state, 'aborted', 'what happened is not undone by what was before');
    } finally {
      await kit.close();
    }
  });
});
