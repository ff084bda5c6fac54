import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { buildBatch } from '../../../common/kafka/wire/records/build-batch.js';
import type { AssignmentItem } from '../../../common/model/assignment.js';
import type { Route } from '../../../common/model/route.js';
import type { BedChild } from '../../bed/child.js';
import { ClusterPair } from './cluster-pair.js';
import { committedKeys } from './committed-log.js';
import { Owners } from './owners.js';
import { eventually, item, numbered, type TestCluster, ThreadUnderTest, testRoute } from './thread-kit.js';

const keys = (count: number): string[] => Array.from({ length: count }, (_, i) => `key-${i}`);

describe('transactional delivery by processes that are killed and stopped', () => {
  let pair: ClusterPair;
  const owners = new Owners();
  let source: TestCluster;
  let target: TestCluster;
  let heir: ThreadUnderTest | undefined;
  const route: Route = { ...testRoute('source', 'target'), delivery: 'transactional' };

  before(async () => {
    pair = await ClusterPair.start({ source: '4.1.0', target: '3.9.1' });
    ({ source, target } = pair);
  });

  after(async () => {
    await heir?.thread.stop();
    await owners.close();
    await pair?.stop();
  });

  function owner(incarnation: string, items: readonly AssignmentItem[]): BedChild {
    const clusters = [source.connection, target.connection];
    return owners.start({ clusters, incarnation, routes: [route], items });
  }

  async function fill(from: number, count: number): Promise<void> {
    for (let at = from; at < from + count; at += 10) await source.append('t', 0, buildBatch(numbered(at, 10)));
  }

  const stored = async (): Promise<number> => (await target.read('t', 0)).length;
  const committed = (): Promise<string[]> => committedKeys(target.connection.bootstrap, 't');

  test('SIGKILL in the middle of transactions, then SIGSTOP until another has taken over, and SIGCONT: all is there once, in order', async () => {
    await Promise.all([source.createTopic('t', 1), target.createTopic('t', 1)]);
    const first = [item('t', 0, { sourceTopicId: await source.topicId('t') })];
    const begun = first.map((own) => ({ ...own, started: true }));
    let end = 0;
    for (const incarnation of ['k1', 'k2']) {
      const child = owner(incarnation, end === 0 ? first : begun);
      const before = await stored();
      const filling = fill(end, 300);
      end += 300;
      await eventually('it copies', async () => (await stored()) > before + 20, 30_000);
      await child.kill();
      await filling;
    }
    const zombie = owner('zombie', begun);
    const before = await stored();
    const filling = fill(end, 300);
    end += 300;
    await eventually('it copies what is new', async () => (await stored()) > before + 100, 30_000);
    zombie.pause();
    await filling;
    heir = new ThreadUnderTest([source.connection, target.connection], 'heir');
    const taken = (): boolean => heir?.held()?.started.length === 1;
    heir.assign([route], begun);
    // What the other had committed before it was stopped says nothing of who has it now.
    await eventually('the heir has taken over', taken);
    await eventually('the heir has copied all', async () => (await committed()).length >= end, 30_000);
    zombie.resume();
    await fill(end, 100);
    end += 100;
    const said = (): string => readFileSync(zombie.logFile, 'utf8');
    await eventually('the stopped one is told', () => said().includes('dead')).catch((cause: unknown) => {
      throw new Error(`it said: ${said().slice(-4_000)}`, { cause });
    });
    await eventually('the heir goes on', async () => (await committed()).length >= end, 30_000);
    assert.deepEqual(await committed(), keys(end));
    assert.ok(!heir.messages.some(({ type }) => type === 'lane-dead'));
  });
});
