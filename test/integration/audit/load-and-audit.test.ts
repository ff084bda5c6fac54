import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { compareClusters } from '../../audit/compare-clusters.js';
import { Load } from '../../audit/load.js';
import { describeProblem, isClean } from '../../audit/report.js';
import { ALL_SHAPES } from '../../audit/shapes.js';
import { createTopics } from '../../audit/topics.js';
import { type KafkaClusterHandle, startKafkaCluster } from '../../bed/kafka.js';
import { waitUntil } from '../../bed/wait.js';

const RECORDS_PER_S = 20_000;
const topics = ALL_SHAPES.map(({ topic }) => topic);

describe('load and audit on a real cluster', () => {
  let cluster: KafkaClusterHandle;
  let load: Load;
  let tookS: number;

  before(async () => {
    cluster = await startKafkaCluster({ name: 'source' });
    await createTopics(cluster.bootstrapServers, ALL_SHAPES);
    const startedMs = performance.now();
    load = new Load({
      bootstrapServers: cluster.bootstrapServers,
      shapes: ALL_SHAPES,
      recordsPerS: RECORDS_PER_S,
      run: 1,
      maxRecords: 400_000,
    });
    await waitUntil('enough of all kinds is written', isEnough);
    await load.stop();
    tookS = (performance.now() - startedMs) / 1_000;
  });

  after(() => cluster?.stop());

  function aborted(): number {
    return load.ledgers.flatMap(({ partitions }) => partitions).reduce((sum, ledger) => sum + ledger.aborted, 0);
  }

  function isEnough(): boolean {
    const isWritten = load.ledgers.every(({ shape, partitions }) => {
      return shape.share === 0 || partitions.some(({ written }) => written > 0);
    });
    return isWritten && load.written > 60_000 && aborted() > 0;
  }

  test('the load keeps to its rate and writes every shape', () => {
    assert.ok(load.written < 1.2 * RECORDS_PER_S * (tookS + 0.5), `${load.written} records in ${tookS} s`);
    for (const { shape, partitions } of load.ledgers) {
      const unknown = partitions.reduce((sum, ledger) => sum + ledger.unknown, 0);
      const written = partitions.reduce((sum, ledger) => sum + ledger.written, 0);
      assert.equal(unknown, 0);
      assert.equal(written > 0, shape.share > 0, shape.topic);
    }
  });

  test('what was acknowledged is read back as it was written, of all codecs and kinds, without the aborted', async () => {
    const servers = cluster.bootstrapServers;
    const result = await compareClusters({ source: servers, target: servers, topics, ledgers: load.ledgers });
    assert.ok(isClean(result), result.firstProblems.map(describeProblem).join('\n'));
    const { lost, altered, abortedButVisible, unacknowledged } = result.ledger;
    assert.deepEqual(
      { lost, altered, abortedButVisible, unacknowledged },
      { lost: 0, altered: 0, abortedButVisible: 0, unacknowledged: 0 },
    );
    assert.equal(result.ledger.records, result.records);
    assert.equal(result.records + aborted(), load.written);
  });

  test('records under another topic’s name are misplaced ones, and missing at home', async () => {
    const servers = cluster.bootstrapServers;
    const swapped = (topic: string): string => (topic === 'archive' ? 'payments' : topic);
    const result = await compareClusters({
      source: servers,
      target: servers,
      topics: ['archive'],
      targetTopic: swapped,
    });
    assert.equal(result.missing, result.records);
    assert.equal(result.misplaced, result.targetRecords);
    assert.ok(result.misplaced > 0);
  });
});
