import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type KafkaClusterHandle, startKafkaCluster } from '../../bed/kafka.js';
import { type FleetController, SmallFleet } from '../worker/small-fleet.js';
import { eventually, TestCluster } from '../worker/thread-kit.js';
import { mirrored, Producer, Programs, stepOf, valuesOf } from './recovery-kit.js';

const PARTITIONS = 2;

describe('leaders that die in the middle of a switchover', () => {
  const handles: KafkaClusterHandle[] = [];
  let east: TestCluster;
  let west: TestCluster;
  let fleet: SmallFleet;

  before(async () => {
    handles.push(...(await Promise.all([startKafkaCluster({ name: 'east' }), startKafkaCluster({ name: 'west' })])));
    const [from, to] = handles as [KafkaClusterHandle, KafkaClusterHandle];
    east = new TestCluster(from);
    west = new TestCluster(to);
    fleet = await SmallFleet.start({
      clusters: { east: from.bootstrapServers, west: to.bootstrapServers },
      routes: { r: { source: 'east', target: 'west' } },
      controllers: 4,
      workers: 2,
      worker: { checkpointIntervalMs: 200, fetchMaxWaitMs: 100 },
    });
  });

  after(async () => {
    await fleet?.close();
    await Promise.all([east?.close(), west?.close()]);
    await Promise.all(handles.map((handle) => handle.stop()));
  });

  /** Asked of a controller that is not among the dead. */
  async function leaderOf(dead: ReadonlySet<string>): Promise<FleetController> {
    let found: FleetController | undefined;
    await eventually('a living controller leads', async () => {
      const living = fleet.controllers.filter(({ id }) => !dead.has(id));
      const { leader } = await (living[0] as FleetController).client.status();
      found = living.find(({ id }) => id === leader?.controller);
      return found !== undefined;
    });
    return found as FleetController;
  }

  test('the next one goes on: while it waits for producers, for workers, and for the other direction', async () => {
    await east.createTopic('orders', PARTITIONS);
    await mirrored(fleet.client, { route: 'r', topic: 'orders', partitions: PARTITIONS });
    const first = new Producer(east, 'orders', { partitions: PARTITIONS, prefix: 'e' });
    await eventually('some are written', () => first.count > 200);
    const options = {
      stillMs: 300,
      stopTimeoutMs: 60_000,
      drainTimeoutMs: 60_000,
      groups: false,
      confirm: ['reverse'],
    };
    const dead = new Set<string>();
    let leader = await leaderOf(dead);
    const id = await new Programs(leader.client).begin({ kind: 'switchover', route: 'r', options });
    const die = async (step: string): Promise<void> => {
      await new Programs(leader.client).at(id, step);
      await leader.die();
      dead.add(leader.id);
      leader = await leaderOf(dead);
    };
    await die('quiet');
    await first.stop();
    await die('stop');
    const waiting = await new Programs(leader.client).until(id, ({ state }) => state === 'waiting');
    assert.match(stepOf(waiting, 'reverse').message ?? '', /confirm/);
    await new Programs(leader.client).client.confirm(id, 'go on');
    await die('reverse');
    const done = await new Programs(leader.client).done(id);
    assert.ok(done.steps.every(({ state }) => state === 'done' || state === 'skipped'));
    const second = new Producer(west, 'orders', { partitions: PARTITIONS, prefix: 'w' });
    await eventually('the other side is written to', () => second.count > 200);
    await second.stop();
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const expected = [...(first.acknowledged[partition] ?? []), ...(second.acknowledged[partition] ?? [])];
      await eventually('all has come back', async () => {
        return (await valuesOf(east, 'orders', partition)).length >= expected.length;
      });
      assert.deepEqual(await valuesOf(east, 'orders', partition), expected);
      assert.deepEqual(await valuesOf(west, 'orders', partition), expected);
    }
  });
});
