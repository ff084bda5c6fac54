import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { BufferPool } from '../../../../common/kafka/wire/buffer-pool.js';
import type { ClusterClient } from '../../../../common/kafka/wire/cluster-client.js';
import { scanBatches } from '../../../../common/kafka/wire/records/batch-scan.js';
import { systemClock } from '../../../../common/runtime/clock.js';
import { systemRandom } from '../../../../common/runtime/random.js';
import { batchImage, producerIdentity } from '../../../../worker/core/batch-image.js';
import type { WalkOutcome } from '../../../../worker/walk/walk-outcome.js';
import { type WalkOptions, walkPartition } from '../../../../worker/walk/walk-partition.js';
import { testClient } from '../../kafka/wire/test-client.js';
import type { FakeLog } from '../fetch/fake-log.js';
import { FakeSource } from '../fetch/fake-source.js';
import { OURS } from './memory-logs.js';

const OFFSET_NOT_AVAILABLE = 78;

function clientOf(name: string, cluster: FakeSource): ClusterClient {
  return testClient(cluster.bootstrap, name);
}

/** The target gives the source's batches as our lane wrote them, at the same offsets. */
function mirror(source: FakeLog, target: FakeLog): void {
  target.read = (from, maxBytes, end) => {
    const pieces: Buffer[] = [];
    for (const batch = scanBatches(source.read(from, Number.MAX_SAFE_INTEGER, end)); batch.next(); ) {
      const { header, payload } = batchImage(batch, producerIdentity(OURS, 0), 0);
      header.writeBigInt64BE(BigInt(batch.baseOffset), 0);
      pieces.push(Buffer.concat([header, payload]));
    }
    return Buffer.concat(pieces).subarray(0, Math.max(maxBytes, pieces[0]?.length ?? 0));
  };
}

describe('the walk of a partition between clusters that change', () => {
  let clusters: readonly [FakeSource, FakeSource];
  let clients: readonly [ClusterClient, ClusterClient];
  let source: FakeLog;
  let target: FakeLog;

  beforeEach(async () => {
    clusters = [await FakeSource.start(2), await FakeSource.start(2)];
    clients = [clientOf('source', clusters[0]), clientOf('target', clusters[1])];
    source = clusters[0].topic('t', 1)[0] as FakeLog;
    target = clusters[1].topic('t', 1)[0] as FakeLog;
    mirror(source, target);
  });

  afterEach(async () => {
    await Promise.all(clients.map((client) => client.close()));
    await Promise.all(clusters.map((cluster) => cluster.stop()));
  });

  /** So many batches at the source, the first of them at the target too. */
  function fill(batches: number, copied: number, valueBytes = 100): void {
    for (let i = 0; i < batches; i++) source.append(10, valueBytes);
    for (let i = 0; i < copied; i++) target.append(10, valueBytes);
  }

  function walk(extra: Partial<WalkOptions> = {}): Promise<WalkOutcome> {
    const item = { route: 'r', topic: 't', partition: 0, targetTopic: 't', timeline: 1, sourceTopicId: source.topicId };
    const options: WalkOptions = {
      item,
      route: { isolation: 'read_uncommitted' },
      pair: { sourceOffset: 0n, targetOffset: 0n, sourceTopicId: source.topicId, targetTopicId: target.topicId },
      closedEnd: BigInt(target.end),
      ours: new Set([OURS]),
      fleet: 'test',
      source: clients[0],
      target: clients[1],
      pool: new BufferPool(32 << 20),
      clock: systemClock,
      random: systemRandom,
      patienceMs: 3_000,
    };
    return walkPartition({ ...options, ...extra }, new AbortController().signal);
  }

  const brief = (outcome: WalkOutcome): unknown =>
    outcome.kind === 'resume' ? [outcome.kind, outcome.sourceOffset, outcome.basis] : outcome.kind;

  test('a fleet without a gap topic has no gaps; the position is behind the last copy', async () => {
    fill(6, 4);
    assert.deepEqual(brief(await walk()), ['resume', 40n, 'records']);
  });

  test('6.2 a leader that cannot tell its end yet (78) is asked again', async () => {
    fill(6, 4);
    let refusals = 0;
    for (const cluster of clusters) cluster.listCode = () => (refusals++ < 12 ? OFFSET_NOT_AVAILABLE : 0);
    assert.deepEqual(brief(await walk()), ['resume', 40n, 'records']);
    assert.ok(refusals > 12);
  });

  test('6.2 a high watermark that has not caught up is waited for, and told when it does not', async () => {
    fill(6, 4);
    setTimeout(() => target.append(10), 150);
    assert.deepEqual(brief(await walk({ closedEnd: 50n })), ['resume', 50n, 'records']);
    const outcome = await walk({ closedEnd: 60n, patienceMs: 150 });
    assert.equal(outcome.kind === 'wait' && outcome.code, 'TARGET_TOPIC_RECREATED');
    const pair = { sourceOffset: 0n, targetOffset: 60n, sourceTopicId: null, targetTopicId: null };
    assert.equal((await walk({ pair, closedEnd: 50n })).kind, 'wait', 'the pair lies behind the closed end');
  });

  test('6.6 a target whose beginning goes away between the reads is read anew and counted', async () => {
    fill(6, 4, 400_000);
    clusters[1].interfere = ({ broker }) => {
      if (broker === target.leader && clusters[1].fetches.length === 2) target.start = 35;
      return {};
    };
    const outcome = await walk();
    assert.deepEqual(brief(outcome), ['resume', 40n, 'count']);
    assert.deepEqual(outcome.kind === 'resume' && [outcome.counted, outcome.compared], [35, 5]);
  });

  test('6.6 so is a source whose beginning goes away', async () => {
    fill(6, 4, 400_000);
    clusters[0].interfere = () => {
      if (clusters[0].fetches.length === 2) source.start = 33;
      return {};
    };
    assert.deepEqual(brief(await walk()), ['resume', 40n, 'count']);
  });

  test('leaders that move on both sides are followed; every run is told once', async () => {
    fill(6, 4, 400_000);
    for (const [i, cluster] of clusters.entries()) {
      cluster.interfere = () => {
        const log = i === 0 ? source : target;
        if (cluster.fetches.length === 2) log.elect(2);
        return {};
      };
    }
    const runs: unknown[] = [];
    const progress: number[] = [];
    const outcome = await walk({ onRun: (run) => runs.push(run), onProgress: ({ records }) => progress.push(records) });
    assert.deepEqual(brief(outcome), ['resume', 40n, 'records']);
    assert.deepEqual(runs, [{ source: 0, target: 0, length: 40 }]);
    assert.ok(progress.length > 2 && progress.every((records, i) => i === 0 || records >= (progress[i - 1] as number)));
  });

  test('a source that ends before the pair has lost what was copied', async () => {
    fill(2, 2);
    const pair = { sourceOffset: 30n, targetOffset: 20n, sourceTopicId: null, targetTopicId: null };
    const outcome = await walk({ pair });
    assert.deepEqual(outcome.kind === 'diverged' && [outcome.what, outcome.sourceOffset], ['source-ended', 20n]);
  });

  test('a broker that hangs holds up nobody who calls the walk off', async () => {
    fill(6, 4);
    clusters[0].interfere = () => ({ silent: true });
    const aborting = new AbortController();
    const item = { route: 'r', topic: 't', partition: 0, targetTopic: 't', timeline: 1, sourceTopicId: null };
    const walking = walkPartition(
      {
        item,
        route: { isolation: 'read_committed' },
        pair: { sourceOffset: 0n, targetOffset: 0n, sourceTopicId: null, targetTopicId: null },
        closedEnd: 40n,
        ours: new Set([OURS]),
        fleet: 'test',
        source: clients[0],
        target: clients[1],
        pool: new BufferPool(1 << 20),
        clock: systemClock,
        random: systemRandom,
      },
      aborting.signal,
    );
    setTimeout(() => aborting.abort(), 300);
    const before = performance.now();
    await assert.rejects(walking, { code: 'SHUTTING_DOWN' });
    assert.ok(performance.now() - before < 5_000);
  });
});
