import assert from 'node:assert/strict';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { buildBatch } from '../../../common/kafka/wire/records/build-batch.js';
import type { AssignmentItem } from '../../../common/model/assignment.js';
import { type Checkpoint, decodeCheckpoint } from '../../../common/model/checkpoint.js';
import { type RecordRules, rulesVersionOf } from '../../../common/model/record-rules.js';
import type { Route } from '../../../common/model/route.js';
import type { AuditRecord } from '../../audit/record.js';
import type { BedChild } from '../../bed/child.js';
import { waitUntil } from '../../bed/wait.js';
import { ClusterPair } from './cluster-pair.js';
import { committedRecords } from './committed-log.js';
import { Owners } from './owners.js';
import { eventually, item, numbered, type TestCluster, ThreadUnderTest, testRoute } from './thread-kit.js';

/** Ms between the new rules and the kill: in the drain, between the last pair of the old ones and the first of the new, behind it. */
const KILLS_MS = [0, 4, 10, 20, 40, 90, 200];
/** Between two batches of ten: the owner is under load all the time, and the log stays short. */
const PAUSE_MS = 20;

/** The n-th version: each drops other records, and marks those that it keeps. */
function version(n: number): RecordRules {
  const digit = String(n % 10);
  return {
    onUnreadable: 'pause',
    list: [
      { name: 'drop', when: { on: 'key', matches: `.*${digit}` }, action: { do: 'drop' } },
      { name: 'mark', action: { do: 'add-header', name: 'rules', value: String(n) } },
    ],
  };
}

/** What a version leaves of the record of a source offset. */
const isKept = (offset: number, n: number): boolean => offset % 10 !== n % 10;

/** A busy broker may lose its lead for a moment. */
async function steadily<T>(read: () => Promise<T>): Promise<T> {
  const found: T[] = [];
  await waitUntil('the target is read', async () => found.push(await read()) > 0, { timeoutMs: 20_000 });
  return found[0] as T;
}

describe('a change of rules is a barrier (4.2, 6.5)', () => {
  let pair: ClusterPair;
  const owners = new Owners();
  let source: TestCluster;
  let target: TestCluster;
  let heir: ThreadUnderTest | undefined;

  before(async () => {
    pair = await ClusterPair.start({ source: '4.1.0', target: '3.9.1' });
    ({ source, target } = pair);
  });

  after(async () => {
    await heir?.thread.stop();
    await owners.close();
    await pair?.stop();
  });

  const routeOf = (n: number): Route => ({
    ...testRoute('source', 'target'),
    delivery: 'transactional',
    rules: version(n),
  });

  function owner(n: number, items: readonly AssignmentItem[]): { readonly child: BedChild; change(): void } {
    const nextFile = join(owners.folder, `next-${n}.json`);
    const clusters = [source.connection, target.connection];
    const child = owners.start({ clusters, incarnation: `o${n}`, routes: [routeOf(n)], items, nextFile });
    const change = (): void => {
      writeFileSync(`${nextFile}.new`, JSON.stringify([routeOf(n + 1)]));
      renameSync(`${nextFile}.new`, nextFile);
    };
    return { child, change };
  }

  const markOf = ({ headers }: AuditRecord): string =>
    String(headers.find(([name]) => String(name) === 'rules')?.[1] ?? '');

  test('workers are killed at it: each record fares once, by the version that the recorded boundaries give it', async () => {
    await Promise.all([source.createTopic('t', 1), target.createTopic('t', 1)]);
    let items = [item('t', 0, { sourceTopicId: await source.topicId('t') })];
    let end = 0;
    const fill = async (count: number): Promise<void> => {
      const until = end + count;
      for (; end < until; end += 10) await source.append('t', 0, buildBatch(numbered(end, 10)));
    };
    for (const [n, delayMs] of KILLS_MS.entries()) {
      const { child, change } = owner(n, items);
      let isLoading = true;
      const filling = (async () => {
        for (; isLoading; await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))) await fill(10);
      })();
      // So that each version has held for some stretch, however slow the machine.
      await eventually('something is committed by its rules', async () => {
        const found = await committedRecords(target.connection.bootstrap, 't');
        return found.some((record) => markOf(record) === String(n));
      });
      change();
      await eventually(
        'it knows the next rules',
        () => readFileSync(child.logFile, 'utf8').includes('changed'),
        10_000,
      );
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      await child.kill();
      isLoading = false;
      await filling;
      items = items.map((own) => ({ ...own, started: true }));
    }
    heir = new ThreadUnderTest([source.connection, target.connection], 'heir');
    const under = heir;
    under.assign([routeOf(KILLS_MS.length)], items);
    await fill(100);
    await eventually('all is settled', () => under.status()[0]?.sourceOffset === BigInt(end), 30_000);
    const pairs = await steadily(committedPairs);
    const bounds = boundaries(pairs);
    assert.ok(bounds.length >= KILLS_MS.length, `${bounds.length} boundaries`);
    const expected = Array.from({ length: end }, (_, offset) => {
      const n = bounds.findLast(({ from }) => from <= offset)?.version ?? 0;
      return isKept(offset, n) ? [`key-${offset} ${n}`] : [];
    }).flat();
    const committed = await steadily(() => committedRecords(target.connection.bootstrap, 't'));
    const found = committed.map((record) => `${record.key} ${markOf(record)}`);
    assert.deepEqual(found, expected);
    // What is recorded beside the position: a run that is open is of the rules that the pair names alone.
    for (const { from, version } of bounds) {
      const own = pairs.filter(({ rulesVersion }) => rulesVersion === rulesVersionOf(routeOf(version)));
      assert.ok(own.every(({ runSourceStart }) => runSourceStart >= BigInt(from)));
    }
  });

  /** Where each version began to hold, by the pairs in the order in which they were committed. */
  function boundaries(pairs: readonly Checkpoint[]): { readonly version: number; readonly from: number }[] {
    const numbers = new Map([...KILLS_MS, 0].map((_, n) => [rulesVersionOf(routeOf(n)), n]));
    const found: { version: number; from: number }[] = [];
    let before: Checkpoint | undefined;
    for (const pair of pairs) {
      const version = numbers.get(pair.rulesVersion) ?? assert.fail(`version ${pair.rulesVersion}`);
      if (pair.rulesVersion !== before?.rulesVersion) {
        // Before anything is copied by it, at the very position that the one before ended at.
        assert.equal(pair.sourceOffset, before?.sourceOffset ?? 0n);
        found.push({ version, from: Number(pair.sourceOffset) });
      }
      assert.ok(pair.sourceOffset >= (before?.sourceOffset ?? 0n));
      before = pair;
    }
    return found;
  }

  /** Every pair that was ever committed for the partition, in order; what was aborted with its transaction is none. */
  async function committedPairs(): Promise<Checkpoint[]> {
    const { bootstrap } = target.connection;
    const topics = (await target.client.metadata(['__consumer_offsets'])).topics;
    const partitions = topics.get('__consumer_offsets')?.partitions ?? [];
    const pairs: Checkpoint[] = [];
    for (const { partition } of partitions) {
      for (const { key, value } of await committedRecords(bootstrap, '__consumer_offsets', partition)) {
        if (key === null || value === null || !isOfPartition(key)) continue;
        // OffsetCommitValue: version, offset, leader epoch, metadata.
        const length = value.readInt16BE(14);
        pairs.push(decodeCheckpoint(value.readBigInt64BE(2), value.toString('utf8', 16, 16 + length)));
      }
    }
    return pairs;
  }

  /** OffsetCommitKey: version, group, topic, partition. */
  function isOfPartition(key: Buffer): boolean {
    if (key.readInt16BE(0) > 1) return false;
    const group = key.toString('utf8', 4, 4 + key.readInt16BE(2));
    const at = 4 + group.length;
    const topic = key.toString('utf8', at + 2, at + 2 + key.readInt16BE(at));
    return group.startsWith('causeway.') && topic === 't';
  }
});
