import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { LogFields, Logger } from '../../../../common/observability/logger.js';
import type { SourceFacts, TargetFacts } from '../../../../worker/core/stall-facts.js';
import type { MirroredPartition } from '../../../../worker/partition/mirrored-partition.js';
import type { Held } from '../../../../worker/thread/held-partitions.js';
import { Watchdog, type WatchdogDeps } from '../../../../worker/thread/watchdog.js';
import { ManualClock } from '../manual-clock.js';
import { batchOf, testPartition } from '../partition/partition-kit.js';

const STALL_AFTER_MS = 10_000;

/** A thread's partitions, and what its parts say of them; everything is well until a test says otherwise. */
class Bench {
  readonly clock = new ManualClock();
  readonly held: Held[] = [];
  readonly lines: string[] = [];
  readonly stalled: string[] = [];
  readonly kicked: MirroredPartition[] = [];
  readonly pushed: string[] = [];
  readonly watchdog: Watchdog;
  source: SourceFacts = {
    hasLeader: true,
    isConfirmed: true,
    line: { broker: 1, address: 'a:1', fault: undefined, throttledMs: 0 },
    isAsked: false,
    isStarved: false,
    answeredMs: 0,
    isSilent: false,
  };
  target: TargetFacts = {
    hasLeader: true,
    line: undefined,
    isInTurn: false,
    requests: 0,
    requestsSinceMs: undefined,
    retryAtMs: undefined,
  };
  asked = 0;

  constructor() {
    const note = (event: string, fields: LogFields = {}): void => {
      this.lines.push([event, fields['code'], fields['count']].filter((word) => word !== undefined).join(' '));
    };
    const reader = {
      facts: () => this.source,
      isBlind: () => {
        const { hasLeader, isConfirmed, isAsked, isSilent } = this.source;
        return !hasLeader || !isConfirmed || (isAsked && isSilent);
      },
      remove: () => this.pushed.push('remove'),
      add: () => this.pushed.push('add'),
    };
    const target = {
      writer: { facts: () => this.target, ready: () => this.pushed.push('ready') },
      checkpoints: { faultOf: () => undefined },
    };
    const deps = {
      held: { values: () => this.held.values() },
      sides: { of: () => ({ target }), reader: () => reader },
      throttle: { waitOf: () => ({ limit: undefined, isStarved: false }), memory: undefined },
      starter: { stepOf: () => 'waiting' },
      transactions: {
        find: () => {
          this.asked += 1;
          return undefined;
        },
      },
      mayWrite: () => true,
      stallAfterMs: STALL_AFTER_MS,
      stalled: (_partition: MirroredPartition, code: string) => this.stalled.push(code),
      kicked: (partition: MirroredPartition) => this.kicked.push(partition),
      clock: this.clock,
      logger: { debug: note, info: note, warn: note, error: note } as unknown as Logger,
    };
    this.watchdog = new Watchdog(deps as unknown as WatchdogDeps);
  }

  add(partition = testPartition('r', this.held.length)): MirroredPartition {
    partition.begin({ source: 0, target: 0, runSource: 0, runTarget: 0 });
    partition.on({ type: 'copy' });
    partition.started = true;
    partition.sourceEnd = 0;
    const intake = { isFailing: false, facts: { isWanted: true, isDecoding: false, errorCode: undefined } };
    const held = { partition, intake, outlet: { unansweredSinceMs: undefined }, copying: true, draining: false };
    this.held.push(held as unknown as Held);
    return partition;
  }
}

describe('the watchdog', () => {
  test('says once that a partition stalled, why, and since when; once more when the cause changes; once when it moves', () => {
    const bench = new Bench();
    const partition = bench.add();
    bench.clock.pass(5_000);
    partition.sourceEnd = 100;
    bench.source = { ...bench.source, hasLeader: false };
    bench.clock.pass(STALL_AFTER_MS - 1_000);
    assert.equal(partition.state, 'running');
    bench.clock.pass(2_000);
    assert.equal(partition.state, 'stalled');
    assert.equal(partition.stall?.code, 'source-leaderless');
    // It had nothing to do for five seconds.
    assert.ok(Math.abs(Date.parse(partition.stall?.since ?? '') - 1_005_000) <= 1_000, partition.stall?.since);
    const { since } = partition.stall ?? {};
    bench.clock.pass(60_000);
    bench.source = { ...bench.source, hasLeader: true, isConfirmed: false };
    bench.clock.pass(10_000);
    assert.deepEqual([partition.stall?.code, partition.stall?.since], ['source-unconfirmed', since]);
    partition.queue.skipTo(10);
    bench.clock.pass(1_000);
    assert.equal(partition.state, 'running');
    assert.deepEqual(bench.lines, [
      'partition.stalled source-leaderless',
      'partition.stalled source-unconfirmed',
      'partition.moves-again source-unconfirmed',
    ]);
    assert.deepEqual(bench.stalled, ['source-leaderless', 'source-unconfirmed']);
    assert.deepEqual(bench.kicked, []);
  });

  test('one that has nothing to do is never stalled, however long; unless nobody can know', () => {
    const bench = new Bench();
    const partition = bench.add();
    bench.clock.pass(3_600_000);
    assert.equal(partition.state, 'running');
    bench.source = { ...bench.source, isAsked: true, isSilent: true };
    bench.clock.pass(STALL_AFTER_MS + 1_000);
    assert.equal(partition.stall?.code, 'source-unanswered');
    bench.source = { ...bench.source, isSilent: false };
    bench.clock.pass(1_000);
    assert.equal(partition.state, 'running');
  });

  test('an open transaction is asked about only where it is what stands in the way', () => {
    const bench = new Bench();
    const partition = bench.add();
    partition.sourceHighWatermark = 5;
    bench.source = { ...bench.source, isAsked: true };
    bench.clock.pass(STALL_AFTER_MS + 1_000);
    assert.equal(partition.stall?.code, 'source-transaction-open');
    assert.equal(bench.asked, 1);
    partition.sourceEnd = 5;
    bench.clock.pass(10_000);
    assert.equal(partition.stall?.code, 'source-empty');
    assert.equal(bench.asked, 1);
  });

  test('nothing blocks it: pushed on both sides, and counted; again and again while it stands', () => {
    const bench = new Bench();
    const partition = bench.add();
    partition.queue.push(batchOf(0, 10));
    partition.sourceEnd = 10;
    bench.clock.pass(STALL_AFTER_MS + 1_000);
    assert.deepEqual(bench.pushed, [], 'a moment between two steps is no fault yet');
    assert.equal(partition.state, 'running');
    bench.clock.pass(2_000);
    assert.deepEqual(bench.pushed, ['ready', 'remove', 'add']);
    assert.deepEqual(bench.kicked, [partition]);
    assert.equal(partition.stall?.code, 'lost-wake-up');
    assert.deepEqual(bench.lines, ['partition.stalled lost-wake-up', 'partition.kicked']);
    bench.clock.pass(10_000);
    assert.ok(bench.kicked.length === 2, `${bench.kicked.length}`);
    const batch = partition.queue.next(1);
    assert.ok(batch !== undefined);
    partition.queue.markSent(batch);
    partition.queue.ack(batch, 0);
    bench.clock.pass(1_000);
    assert.equal(partition.state, 'running');
  });

  test('a paused partition, and one that is not read any more, are left alone', () => {
    const bench = new Bench();
    const partition = bench.add();
    partition.sourceEnd = 10;
    partition.on({ type: 'pause', reason: { code: 'PAUSED_BY_OPERATOR', message: '' } });
    bench.clock.pass(60_000);
    assert.equal(partition.state, 'paused');
    assert.deepEqual(bench.lines, []);
    bench.watchdog.close();
    partition.on({ type: 'copy' });
    bench.clock.pass(60_000);
    assert.equal(partition.state, 'running');
  });

  test('a thousand partitions that stall together make twenty lines and a number', () => {
    const bench = new Bench();
    bench.source = { ...bench.source, hasLeader: false };
    for (let i = 0; i < 1_000; i++) bench.add();
    bench.clock.pass(STALL_AFTER_MS + 1_000);
    assert.ok(bench.held.every(({ partition }) => partition.state === 'stalled'));
    assert.equal(bench.stalled.length, 1_000);
    assert.equal(bench.lines.length, 21);
    assert.equal(bench.lines.at(-1), 'partition.stalls-unlisted 980');
  });

  test('a look that fails at one partition does not end the watch over the others', () => {
    const bench = new Bench();
    const broken = bench.add();
    const well = bench.add();
    bench.source = { ...bench.source, hasLeader: false };
    Object.defineProperty(broken, 'queue', {
      get: () => {
        throw new Error('broken');
      },
    });
    bench.clock.pass(STALL_AFTER_MS + 1_000);
    assert.equal(well.state, 'stalled');
    assert.ok(bench.lines.includes('watchdog.failed'));
  });
});
