import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeAssignment } from '../../../common/coordination/records/assignment.js';
import { assignmentPath } from '../../../common/coordination/znodes.js';
import { isCausewayError } from '../../../common/errors/error.js';
import { ControllerKit, until } from './kit.js';

test('a skip order reaches the worker that has the partition, replaces the one before, and is refused where it makes no sense', async () => {
  const kit = await ControllerKit.open();
  try {
    kit.kafka.addTopic('east', 'orders', 2);
    const { client } = await kit.controller();
    const worker = await kit.worker('a');
    await until(async () => (await client.status()).leader !== null);
    await client.addTopic('r', { topic: 'orders' });
    await until(() => worker.held.size === 2);

    const refused = async (body: Parameters<typeof client.skip>[2], code: string): Promise<void> => {
      await assert.rejects(client.skip('r', 'orders', body), (error) => isCausewayError(error) && error.code === code);
    };
    const order = { partition: 1, from: '100', to: '200', reason: 'damaged disk' };
    await refused({ ...order, to: '100' }, 'INVALID_REQUEST');
    await refused({ ...order, partition: 2 }, 'PARTITIONS_BEYOND_SOURCE');
    await refused({ ...order, from: '-1' }, 'INVALID_REQUEST');
    await refused({ ...order, reason: ' ' }, 'INVALID_REQUEST');
    await assert.rejects(client.skip('r', 'nothing', order), (error) => isCausewayError(error, 'TOPIC_UNKNOWN'));

    await client.skip('r', 'orders', order);
    await client.skip('r', 'orders', { ...order, to: '300' });
    const items = async (): Promise<string> => {
      const node = await kit.store.get(assignmentPath('a'));
      if (node === undefined) return '';
      const { items } = decodeAssignment([node.data], 'a');
      return items.map(({ partition, skip }) => `${partition} ${skip?.from} ${skip?.to} ${skip?.reason}`).join('; ');
    };
    await until(async () => (await items()) === '0 undefined undefined undefined; 1 100 300 damaged disk', items);
    const { value } = await client.getTopic('r', 'orders');
    assert.deepEqual(
      value.skips.map(({ at: _at, ...skip }) => skip),
      [{ ...order, to: '300' }],
    );
    await client.patchTopic('r', 'orders', { paused: true });
    assert.equal((await client.getTopic('r', 'orders')).value.skips.length, 1, 'other changes keep it');
  } finally {
    await kit.close();
  }
});
