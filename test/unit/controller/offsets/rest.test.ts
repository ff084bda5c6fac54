import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OffsetClient } from '../../../../common/api/offset-client.js';
import { ControllerKit, until } from '../kit.js';

test('questions about offsets that cannot be answered are refused with the reason, before any cluster is asked', async () => {
  const kit = await ControllerKit.open();
  try {
    kit.kafka.addTopic('east', 'orders', 2);
    const { client } = await kit.controller();
    await until(async () => (await client.status()).leader !== null);
    await client.addTopic('r', { topic: 'orders' });
    const offsets = new OffsetClient(client.transport);
    await assert.rejects(offsets.translate('nowhere', 'orders', { partition: 0, offset: '1' }), {
      code: 'ROUTE_UNKNOWN',
    });
    await assert.rejects(offsets.translate('r', 'nothing', { partition: 0, offset: '1' }), { code: 'TOPIC_UNKNOWN' });
    const bad: [string, Record<string, string | number>][] = [
      ['translate', {}],
      ['translate', { partition: 0 }],
      ['translate', { partition: 0, offset: '-1' }],
      ['translate', { partition: 0, offset: '99999999999999999999' }],
      ['translate', { partition: 'x', offset: 1 }],
      ['translate', { partition: 1_000_000, offset: 1 }],
      ['translate', { timestamp: 'yesterday' }],
      ['inverse', { offset: 1 }],
      ['locate', { partition: 0, offset: 'x' }],
      ['map/x', {}],
    ];
    for (const [path, query] of bad) {
      const asked = client.transport.json('GET', `/routes/r/topics/orders/offsets/${path}`, { query });
      await assert.rejects(asked, { code: 'INVALID_REQUEST' }, `${path} ${JSON.stringify(query)}`);
    }
  } finally {
    await kit.close();
  }
});

test('an order to rebuild is remembered with the topic and reaches whoever copies it, again when it is given again', async () => {
  const kit = await ControllerKit.open();
  try {
    kit.kafka.addTopic('east', 'orders', 1);
    const { client } = await kit.controller();
    const worker = await kit.worker('a');
    await until(async () => (await client.status()).leader !== null);
    await client.addTopic('r', { topic: 'orders' });
    await until(() => worker.held.size === 1);
    const offsets = new OffsetClient(client.transport);
    const { orderedAt } = await offsets.rebuild('r', 'orders');
    assert.match(orderedAt, /^\d{4}-\d\d-\d\dT/);
    const told = (): string | undefined => [...worker.held.values()][0]?.mapRebuildAt;
    await until(
      () => told() === orderedAt,
      () => told(),
    );
    await assert.rejects(offsets.rebuild('r', 'nothing'), { code: 'TOPIC_UNKNOWN' });
  } finally {
    await kit.close();
  }
});
