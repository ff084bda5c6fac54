import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { ApiKey } from '../../../common/kafka/wire/api-keys.js';
import { buildBatch } from '../../../common/kafka/wire/records/build-batch.js';
import type { Route } from '../../../common/model/route.js';
import { FaultProxy, type FaultRule } from '../../proxy/fault-proxy.js';
import { KafkaDialect } from '../../proxy/kafka-dialect.js';
import { ClusterPair } from './cluster-pair.js';
import { eventually, item, numbered, type TestCluster, ThreadUnderTest, testRoute } from './thread-kit.js';

const PER_BATCH = 5;
const BATCHES = 60;
const TIMED_OUT = 7;
const DELIVERIES = ['at-least-once', 'exactly-once'] as const;

describe('a target whose answers do not arrive', () => {
  let pair: ClusterPair;
  const threads: ThreadUnderTest[] = [];
  let proxy: FaultProxy;
  let source: TestCluster;
  let target: TestCluster;

  before(async () => {
    pair = await ClusterPair.start({ source: '3.9.1', target: '4.1.0' });
    ({ source, target } = pair);
    const port = pair.handles[1].brokers[0]?.port as number;
    const portOf = new Map<number, number>();
    proxy = await FaultProxy.start({ target: { host: '127.0.0.1', port }, dialect: new KafkaDialect(portOf) });
    portOf.set(port, proxy.port);
  });

  afterEach(async () => {
    proxy.clear();
    await Promise.all(threads.splice(0).map(({ thread }) => thread.stop()));
  });

  after(async () => {
    await proxy?.close();
    await pair?.stop();
  });

  /** A backlog of batches, so that as many are under way as may be. @returns how often the fault struck */
  async function copiedDespite(name: string, delivery: Route['delivery'], rule: FaultRule): Promise<number> {
    await Promise.all([source.createTopic(name, 1), target.createTopic(name, 1)]);
    for (let at = 0; at < BATCHES; at++) await source.append(name, 0, buildBatch(numbered(at * PER_BATCH, PER_BATCH)));
    const fault = proxy.add(rule);
    const proxied = { ...target.connection, bootstrap: [proxy.address] };
    const under = new ThreadUnderTest([source.connection, proxied], name);
    threads.push(under);
    under.assign(
      [{ ...testRoute('source', 'target'), delivery, coalesceBelowBytes: 0 }],
      [item(name, 0, { sourceTopicId: await source.topicId(name) })],
    );
    const keys = Array.from({ length: BATCHES * PER_BATCH }, (_, i) => `key-${i}`);
    await eventually('all are copied', async () => (await target.read(name, 0)).length >= keys.length, 30_000);
    assert.deepEqual(
      (await target.read(name, 0)).map(({ key }) => String(key)),
      keys,
    );
    return fault.hits;
  }

  for (const delivery of DELIVERIES) {
    test(`3.3 batches in the log whose answers were lost with the connection are there once, in order (${delivery})`, async () => {
      const rule: FaultRule = { direction: 'toClient', apis: [ApiKey.Produce], action: { kind: 'cut' }, every: 4 };
      assert.ok((await copiedDespite(`lost-${delivery}`, delivery, rule)) >= 3);
    });

    test(`3.3 batches in the log whose answers said a timeout are there once, in order (${delivery})`, async () => {
      const action = { kind: 'error', code: TIMED_OUT } as const;
      const rule: FaultRule = { direction: 'toClient', apis: [ApiKey.Produce], action, every: 4 };
      assert.ok((await copiedDespite(`late-${delivery}`, delivery, rule)) >= 3);
    });

    test(`3.2 the first batch of a producer is refused: none behind it is stored before it (${delivery})`, async () => {
      const rule: FaultRule = { direction: 'toServer', apis: [ApiKey.Produce], action: { kind: 'flip' }, times: 1 };
      assert.equal(await copiedDespite(`refused-${delivery}`, delivery, rule), 1);
    });
  }
});
