import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { ApiKey } from '../../../common/kafka/wire/api-keys.js';
import { buildBatch } from '../../../common/kafka/wire/records/build-batch.js';
import type { AssignmentItem } from '../../../common/model/assignment.js';
import { gapTopic } from '../../../common/model/gap.js';
import type { Route } from '../../../common/model/route.js';
import { kafkaOf } from '../../audit/topics.js';
import { FaultProxy, type FaultRule } from '../../proxy/fault-proxy.js';
import { KafkaDialect } from '../../proxy/kafka-dialect.js';
import { ClusterPair } from './cluster-pair.js';
import { committedKeys } from './committed-log.js';
import { eventually, item, numbered, type TestCluster, ThreadUnderTest, testRoute } from './thread-kit.js';

const PER_BATCH = 5;
/** Each in a transaction of its own. */
const MAX_SINGLE_BATCHES = 60;
const BATCHES = 60;
const TIMED_OUT = 7;
const OUT_OF_ORDER = 45;
const ABORTABLE = 120;
const DATA_FAULTS = [ApiKey.Produce];
const COORDINATION = [ApiKey.AddPartitionsToTxn, ApiKey.AddOffsetsToTxn, ApiKey.TxnOffsetCommit, ApiKey.EndTxn];
const keys = (count: number, from = 0): string[] => Array.from({ length: count }, (_, i) => `key-${from + i}`);

describe('transactions at a target that misbehaves', () => {
  let pair: ClusterPair;
  const threads: ThreadUnderTest[] = [];
  let proxy: FaultProxy;
  let source: TestCluster;
  let target: TestCluster;
  const route: Route = { ...testRoute('source', 'target'), delivery: 'transactional', coalesceBelowBytes: 0 };

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

  function owner(incarnation: string): ThreadUnderTest {
    const proxied = { ...target.connection, bootstrap: [proxy.address] };
    const under = new ThreadUnderTest([source.connection, proxied], incarnation);
    threads.push(under);
    return under;
  }

  async function topic(name: string, partitions = 1): Promise<AssignmentItem[]> {
    await Promise.all([source.createTopic(name, partitions), target.createTopic(name, partitions)]);
    const sourceTopicId = await source.topicId(name);
    return Array.from({ length: partitions }, (_, number) => item(name, number, { sourceTopicId }));
  }

  async function fill(name: string, from: number, batches: number, partition = 0): Promise<void> {
    for (let at = 0; at < batches; at++) {
      await source.append(name, partition, buildBatch(numbered(from + at * PER_BATCH, PER_BATCH)));
    }
  }

  async function deleteTopic(name: string): Promise<void> {
    const admin = kafkaOf(target.connection.bootstrap.join(',')).admin();
    await admin.connect();
    await admin.deleteTopics({ topics: [name] });
    await admin.disconnect();
  }

  const committed = (name: string, partition = 0): Promise<string[]> =>
    committedKeys(target.connection.bootstrap, name, partition);

  /**
   * @param leastHits how often the fault has to strike: how much goes into one transaction is the machine's to say
   * @returns how often the fault struck, and how many transactions were aborted
   */
  async function copiedDespite(
    name: string,
    rule: FaultRule,
    leastHits = 1,
  ): Promise<{ readonly hits: number; readonly aborted: number }> {
    const items = await topic(name);
    const under = owner(name);
    under.assign([route], items);
    await eventually('it runs', () => under.status()[0]?.state === 'running');
    const fault = proxy.add(rule);
    // A trickle at first, so that there are several transactions; then a backlog.
    for (let i = 0; i < BATCHES; i++) await fill(name, i * PER_BATCH, 1);
    await fill(name, BATCHES * PER_BATCH, BATCHES);
    let written = 2 * BATCHES * PER_BATCH;
    const areCommitted = (): Promise<void> =>
      eventually('all are committed', async () => (await committed(name)).length >= written, 40_000);
    await areCommitted();
    for (let i = 0; i < MAX_SINGLE_BATCHES && fault.hits < leastHits; i++) {
      await fill(name, written, 1);
      written += PER_BATCH;
      await areCommitted();
    }
    assert.deepEqual(await committed(name), keys(written));
    assert.ok(!under.messages.some(({ type }) => type === 'lane-dead'), 'its lane lives');
    // Statistics come twice a second: those of what ended last come after this.
    const told = (): number => under.messages.filter(({ type }) => type === 'stats').length;
    const toldSoFar = told();
    await eventually('it tells how all of them ended', () => told() > toldSoFar + 1);
    const ended = under.messages.flatMap((message) => (message.type === 'stats' ? message.stats.transactions : []));
    const aborted = ended.reduce((sum, { outcome, count }) => sum + (outcome === 'aborted' ? count : 0), 0);
    return { hits: fault.hits, aborted };
  }

  test('answers of the coordinators are lost with the connection: asked again under the same epoch, and everything is there once', async () => {
    const rule: FaultRule = { direction: 'toClient', apis: COORDINATION, action: { kind: 'cut' }, every: 7 };
    assert.ok((await copiedDespite('cut', rule, 5)).hits >= 5);
  });

  test('the answer to the commit itself is lost, each time: what was committed is not copied again', async () => {
    const rule: FaultRule = { direction: 'toClient', apis: [ApiKey.EndTxn], action: { kind: 'cut' }, every: 2 };
    const { hits, aborted } = await copiedDespite('end', rule, 3);
    assert.ok(hits >= 3);
    assert.equal(aborted, 0);
  });

  test('requests to the coordinators do not arrive', async () => {
    const cut: FaultRule = { direction: 'toServer', apis: COORDINATION, action: { kind: 'cut' }, every: 9 };
    assert.ok((await copiedDespite('unsent', cut, 3)).hits >= 3);
  });

  test('batches in the log whose answers were lost, or said a timeout, are sent again within their transaction', async () => {
    const cut: FaultRule = { direction: 'toClient', apis: DATA_FAULTS, action: { kind: 'cut' }, every: 6 };
    assert.ok((await copiedDespite('lost', cut, 3)).hits >= 3);
    const late: FaultRule = {
      direction: 'toClient',
      apis: DATA_FAULTS,
      action: { kind: 'error', code: TIMED_OUT },
      every: 6,
    };
    assert.ok((await copiedDespite('late', late, 3)).hits >= 3);
  });

  test('a transaction that the target will not have is aborted and done again, and nothing of it is seen', async () => {
    for (const [name, code] of [
      ['abortable', ABORTABLE],
      ['sequence', OUT_OF_ORDER],
    ] as const) {
      const rule: FaultRule = {
        direction: 'toClient',
        apis: DATA_FAULTS,
        action: { kind: 'error', code },
        every: 20,
        times: 6,
      };
      const { hits, aborted } = await copiedDespite(name, rule, 2);
      assert.ok(hits >= 2 && aborted >= 1, `${hits} faults, ${aborted} aborted`);
      // Aborted batches are in the log: only committed ones count.
      assert.ok((await target.read(name, 0)).length > 2 * BATCHES * PER_BATCH);
    }
  });

  test('a partition whose target topic is gone leaves the transactions of the others alone', async () => {
    const [bad] = (await topic('bad')) as [AssignmentItem];
    const [good] = (await topic('good')) as [AssignmentItem];
    const under = owner('apart');
    under.assign([route], [bad, good]);
    await eventually('both run', () => under.status().filter(({ state }) => state === 'running').length === 2);
    await Promise.all([fill('bad', 0, 2), fill('good', 0, 2)]);
    await eventually('both are copied', async () => (await committed('good')).length === 10);
    await deleteTopic('bad');
    for (let i = 0; i < 20; i++)
      await Promise.all([fill('bad', 100 + i * PER_BATCH, 1), fill('good', 10 + i * PER_BATCH, 1)]);
    await eventually('the good one goes on', async () => (await committed('good')).length === 110);
    assert.deepEqual(await committed('good'), keys(110));
    await eventually('the bad one says why', () => {
      const status = under.status().find(({ topic: name }) => name === 'bad');
      // Refused by the target; or, where the metadata were sooner than the next batch, not sent at all.
      return status?.state !== 'running' && (status?.reason ?? status?.stall) !== undefined;
    });
  });

  test('dead letters and gaps are part of the transaction: each is there once, also when transactions are aborted', async () => {
    await target.createTopic(gapTopic('test'), 1);
    await target.createTopic('letters', 1);
    const [own] = [item('refused', 0)];
    await Promise.all([
      source.createTopic('refused', 1),
      target.createTopic('refused', 1, { 'max.message.bytes': '2000' }),
    ]);
    for (let i = 0; i < 40; i++) {
      const size = i % 10 === 5 ? 5_000 : 20;
      await source.append('refused', 0, buildBatch(numbered(i, 1, size)));
    }
    const rule: FaultRule = {
      direction: 'toClient',
      apis: DATA_FAULTS,
      action: { kind: 'error', code: ABORTABLE },
      // Four letters and four gaps alone are eight requests.
      every: 4,
      times: 3,
    };
    const fault = proxy.add(rule);
    const under = owner('letters');
    under.assign([{ ...route, onRefusedRecord: 'dead-letter', deadLetterTopic: 'letters' }], [own]);
    await eventually('all that can be are copied', async () => (await committed('refused')).length === 36, 30_000);
    await eventually('none is on its way', () => under.status()[0]?.lagRecords === 0);
    assert.ok(fault.hits >= 1);
    assert.deepEqual(await committed('letters'), ['key-5', 'key-15', 'key-25', 'key-35']);
    assert.deepEqual(
      await committed('refused'),
      keys(40).filter((_, i) => i % 10 !== 5),
    );
  });
});
