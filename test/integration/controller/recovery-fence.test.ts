import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { isCausewayError } from '../../../common/errors/error.js';
import type { ClusterClient } from '../../../common/kafka/wire/cluster-client.js';
import { appendRecords } from '../../../common/kafka/wire/operations/append-records.js';
import { systemClock } from '../../../common/runtime/clock.js';
import { createTopics } from '../../audit/topics.js';
import type { KafkaClusterHandle } from '../../bed/kafka.js';
import { clientOf } from '../kafka/wire-kit.js';
import { SmallFleet } from '../worker/small-fleet.js';
import { eventually } from '../worker/thread-kit.js';
import { mirrored, Programs, stepOf } from './recovery-kit.js';
import { acl, loggedIn, rightsOf, startGuardedCluster, unguarded } from './rights-kit.js';

const QUICK = { stillMs: 300, drainTimeoutMs: 60_000, groups: false, fencePrincipals: ['User:app'] };
const PAUSE_MS = 20;

/** Writes as `app` as often as it may, and never stops by itself. */
class Stubborn {
  written = 0;
  denied = 0;
  #stopped = false;
  readonly #running: Promise<void>;

  constructor(client: ClusterClient) {
    this.#running = this.#run(client);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async #run(client: ClusterClient): Promise<void> {
    while (!this.#stopped) {
      try {
        const timestamp = BigInt(systemClock.wallMs());
        const record = { key: null, value: Buffer.from(`${this.written}`), headers: [], timestamp };
        await appendRecords(client, { topic: 'orders', partition: 0 }, [record]);
        this.written += 1;
      } catch (error) {
        if (!isCausewayError(error, 'KAFKA_ERROR')) throw error;
        this.denied += 1;
      }
      await systemClock.sleep(PAUSE_MS);
    }
  }
}

describe('producers that are not stopped, but fenced', () => {
  const handles: KafkaClusterHandle[] = [];
  const clients: ClusterClient[] = [];
  let fleet: SmallFleet;
  let programs: Programs;

  before(async () => {
    handles.push(...(await Promise.all(['east', 'west'].map((name) => startGuardedCluster(name, '3.9.1', ['app'])))));
    const [east, west] = handles as [KafkaClusterHandle, KafkaClusterHandle];
    const allowed = (['write', 'describe'] as const).map((operation) => acl({ principal: 'User:app', operation }));
    for (const handle of handles) {
      const rights = rightsOf(unguarded(handle));
      assert.deepEqual(await rights.createAcls(handle.name, allowed), [undefined, undefined]);
      await rights.close();
      clients.push(clientOf(loggedIn(handle, 'app')));
    }
    await createTopics(east.plaintextBootstrapServers, [{ topic: 'orders', partitions: 1 }]);
    fleet = await SmallFleet.start({
      clusters: { east: east.plaintextBootstrapServers, west: west.plaintextBootstrapServers },
      routes: { r: { source: 'east', target: 'west' } },
      workers: 1,
      worker: { checkpointIntervalMs: 200, fetchMaxWaitMs: 100 },
    });
    programs = new Programs(fleet.client);
  });

  after(async () => {
    await fleet?.close();
    await Promise.all(clients.map((client) => client.close()));
    await Promise.all(handles.map((handle) => handle.stop()));
  });

  test('may not write to the old side any more, may write to the new one, and the other way round on the way back', async () => {
    await mirrored(fleet.client, { route: 'r', topic: 'orders', partitions: 1 });
    const [toEast, toWest] = clients as [ClusterClient, ClusterClient];
    const eastern = new Stubborn(toEast);
    await eventually('it writes', () => eastern.written > 20);
    const out = await programs.done(await programs.begin({ kind: 'switchover', route: 'r', options: QUICK }));
    assert.equal(stepOf(out, 'fence-producers').evidence?.['denied'], 1);
    assert.ok(eastern.denied > 0, 'it was refused while the program ran');
    const writtenAtEast = eastern.written;
    const western = new Stubborn(toWest);
    await eventually('it writes at the other side', () => western.written > 20);
    assert.equal(eastern.written, writtenAtEast);
    assert.equal(western.denied, 0);
    const back = await programs.done(await programs.begin({ kind: 'switchover', route: 'r-reverse', options: QUICK }));
    assert.equal(stepOf(back, 'admit-producers').evidence?.['denials'], 1);
    await eventually('it writes at the first side again', () => eastern.written > writtenAtEast + 20);
    assert.ok(western.denied > 0);
    await Promise.all([eastern.stop(), western.stop()]);
    const migration = { ...QUICK, readOnlySource: true };
    const over = await programs.done(await programs.begin({ kind: 'cutover', route: 'r', options: migration }));
    assert.equal(stepOf(over, 'read-only').state, 'done');
    const rights = rightsOf(unguarded(handles[0] as KafkaClusterHandle));
    const denials = ((await rights.acls('east', ['topic'])) ?? []).filter(({ permission }) => permission === 'deny');
    await rights.close();
    assert.deepEqual(denials.map(({ principal, operation }) => `${principal} ${operation}`).sort(), [
      'User:* write',
      'User:app write',
    ]);
  });
});
