import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { SyncClient } from '../../../common/api/sync-client.js';
import { isCausewayError } from '../../../common/errors/error.js';
import { ALTER_CLIENT_QUOTAS } from '../../../common/kafka/wire/apis/alter-client-quotas.js';
import { CREATE_ACLS } from '../../../common/kafka/wire/apis/create-acls.js';
import { DELETE_ACLS } from '../../../common/kafka/wire/apis/delete-acls.js';
import { DESCRIBE_ACLS } from '../../../common/kafka/wire/apis/describe-acls.js';
import { DESCRIBE_CLIENT_QUOTAS } from '../../../common/kafka/wire/apis/describe-client-quotas.js';
import { DESCRIBE_USER_SCRAM_CREDENTIALS } from '../../../common/kafka/wire/apis/describe-user-scram-credentials.js';
import { type AclBinding, aclText } from '../../../common/model/acl.js';
import { type QuotaEntity, quotaEntityKey } from '../../../common/model/client-quota.js';
import type { KafkaRights } from '../../../controller/metadata/acls/kafka-rights.js';
import { type KafkaClusterHandle, startKafkaCluster } from '../../bed/kafka.js';
import { waitUntil } from '../../bed/wait.js';
import { ControllerKit } from '../../unit/controller/kit.js';
import { callVersion, clientOf, connectionTo, sharedVersions } from '../kafka/wire-kit.js';
import {
  acl,
  CAUSEWAY,
  loggedIn,
  POLICY,
  RightsBed,
  rightsOf,
  startGuardedCluster,
  subjectOf,
  unguarded,
  WEAK,
} from './rights-kit.js';

const RESOURCES = ['topic', 'group'] as const;

describe('rights, quotas and users of real clusters with an authorizer', () => {
  let east: KafkaClusterHandle;
  let west: KafkaClusterHandle;
  let open: KafkaClusterHandle;
  /** Somebody who may do everything. */
  let root: KafkaRights;

  before(async () => {
    [east, west, open] = await Promise.all([
      startGuardedCluster('east', '3.9.1', [CAUSEWAY, WEAK, 'alice', 'zoe']),
      startGuardedCluster('west', '4.1.0', [CAUSEWAY, WEAK, 'zoe']),
      startKafkaCluster({ name: 'open' }),
    ]);
    root = rightsOf(unguarded(east), unguarded(west));
    const own = (operation: AclBinding['operation']): AclBinding =>
      acl({ resource: 'cluster', name: 'kafka-cluster', principal: `User:${CAUSEWAY}`, operation });
    await grant('east', own('describe'), own('describe-configs'));
    await grant('west', own('describe'), own('alter'), own('describe-configs'), own('alter-configs'));
  });

  after(async () => {
    await root.close();
    await Promise.all([east.stop(), west.stop(), open.stop()]);
  });

  /** Brokers show a change a moment after they have answered that it is made. */
  async function shown(cluster: string, bindings: readonly AclBinding[], isThere: boolean): Promise<void> {
    await waitUntil(`the ACLs show at ${cluster}`, async () => {
      const there = new Set(((await root.acls(cluster, ['topic', 'group', 'cluster'])) ?? []).map(aclText));
      return bindings.every((binding) => there.has(aclText(binding)) === isThere);
    });
  }

  async function grant(cluster: string, ...bindings: readonly AclBinding[]): Promise<void> {
    const outcomes = await root.createAcls(cluster, bindings);
    assert.deepEqual(
      outcomes.filter((outcome) => outcome !== undefined),
      [],
    );
    await shown(cluster, bindings, true);
  }

  async function revoke(cluster: string, ...bindings: readonly AclBinding[]): Promise<void> {
    const outcomes = await root.deleteAcls(cluster, bindings);
    assert.deepEqual(
      outcomes.filter((outcome) => outcome !== undefined),
      [],
    );
    await shown(cluster, bindings, false);
  }

  async function limit(cluster: string, entity: QuotaEntity, key: string, value: number | null): Promise<void> {
    assert.deepEqual(await root.alterQuotas(cluster, [{ entity, key, value }]), [undefined]);
    await waitUntil(`the quota shows at ${cluster}`, async () => {
      const found = (await root.quotas(cluster)).find(
        (quota) => quotaEntityKey(quota.entity) === quotaEntityKey(entity),
      );
      return (found?.values[key] ?? null) === value;
    });
  }

  async function listed(cluster: string): Promise<readonly string[]> {
    return ((await root.acls(cluster, RESOURCES)) ?? []).map(aclText).sort();
  }

  async function withBed(use: (bed: RightsBed) => Promise<void>, user = CAUSEWAY): Promise<void> {
    const bed = await RightsBed.open([loggedIn(east, user), loggedIn(west, user), connectionTo(open)]);
    try {
      await use(bed);
    } finally {
      await bed.close();
      const left = [...((await root.acls('west', RESOURCES)) ?? [])];
      await revoke('west', ...left);
      await revoke('east', ...((await root.acls('east', RESOURCES)) ?? []));
    }
  }

  for (const name of ['east', 'west'] as const) {
    test(`every RPC in every version that we share with cluster ${name}`, async () => {
      const client = clientOf(unguarded(name === 'east' ? east : west));
      try {
        const connection = await client.anyConnection();
        const bindings = [acl({ name: 'versions' }), acl({ resource: 'group', pattern: 'prefixed', name: 'versions' })];
        for (const version of sharedVersions(connection, CREATE_ACLS.key)) {
          const { results } = await callVersion(connection, CREATE_ACLS, version, { bindings });
          assert.deepEqual(
            results.map(({ errorCode }) => errorCode),
            [0, 0],
          );
          await waitUntil('the ACL shows', async () => {
            const seen = await callVersion(connection, DESCRIBE_ACLS, version, { resource: 'group' });
            return JSON.stringify(seen.bindings) === JSON.stringify([bindings[1]]);
          });
          const deleted = await callVersion(connection, DELETE_ACLS, version, { bindings });
          assert.deepEqual(
            deleted.results.map(({ errorCode, matched }) => [errorCode, matched]),
            [
              [0, 1],
              [0, 1],
            ],
          );
        }
        const entity = [{ type: 'client-id', name: 'versions' }];
        for (const version of sharedVersions(connection, ALTER_CLIENT_QUOTAS.key)) {
          for (const value of [12.5, null]) {
            const alterations = [{ entity, values: [{ key: 'request_percentage', value }] }];
            const { results } = await callVersion(connection, ALTER_CLIENT_QUOTAS, version, { alterations });
            assert.deepEqual(results, [{ errorCode: 0, errorMessage: null, entity }]);
            await waitUntil('the quota shows', async () => {
              const { entries } = await callVersion(connection, DESCRIBE_CLIENT_QUOTAS, version, {});
              const found = entries.flatMap(({ values }) => values.map((shown) => shown.value));
              return value === null ? found.length === 0 : found.length === 1 && found[0] === value;
            });
          }
        }
        const users = await callVersion(connection, DESCRIBE_USER_SCRAM_CREDENTIALS, 0, {});
        assert.ok(users.users.includes(CAUSEWAY) && users.users.includes('zoe'));
      } finally {
        await client.close();
      }
    });
  }

  test('the leader grants what the target lacks, as MirrorMaker 2 would and more, and then rests', async () => {
    await withBed(async (bed) => {
      await grant(
        'east',
        acl(),
        acl({ principal: 'User:bob', operation: 'all' }),
        acl({ principal: 'User:carol', operation: 'write' }),
        acl({ principal: 'User:dan', operation: 'all', permission: 'deny', host: '10.0.0.1' }),
        acl({ pattern: 'prefixed', name: 'pay' }),
        acl({ name: '*', principal: 'User:audit', operation: 'describe' }),
        acl({ name: 'secret' }),
        acl({ resource: 'group', name: 'billing' }),
        acl({ principal: `User:${WEAK}` }),
      );
      bed.subjects = [subjectOf({ acls: { ...POLICY, mode: 'additive' } })];
      bed.lead();
      const expected = [
        'User:alice from * may READ group billing',
        'User:alice from * may READ topic east.orders',
        'User:alice from * may READ topics beginning with east.pay',
        'User:audit from * may DESCRIBE topics beginning with east.',
        'User:bob from * may READ topic east.orders',
        'User:dan from 10.0.0.1 must not ALL topic east.orders',
      ];
      await waitUntil('the rights are there', async () => (await listed('west')).length >= expected.length);
      assert.deepEqual(await listed('west'), expected);
      assert.deepEqual(await bed.steps('acls', bed.subjects[0] ?? subjectOf({})), []);
    });
  });

  test('mode mirror takes back what it granted and nothing else; what was granted meanwhile follows', async () => {
    await withBed(async (bed) => {
      const local = acl({ name: 'east.orders', principal: 'User:local' });
      await grant('west', local);
      await grant('east', acl(), acl({ principal: 'User:bob' }));
      bed.subjects = [subjectOf({ acls: POLICY })];
      bed.lead();
      await waitUntil('both are granted', async () => (await listed('west')).length === 3);
      await revoke('east', acl());
      await grant('east', acl({ principal: 'User:new' }));
      const expected = ['bob', 'local', 'new'].map((user) => `User:${user} from * may READ topic east.orders`);
      await waitUntil('alice has no right any more', async () => `${await listed('west')}` === `${expected}`);
      const told = await bed.steps('acls', bed.subjects[0] ?? subjectOf({}));
      assert.deepEqual(
        told.map(({ item }) => [item.action, item.before, item.applies]),
        [['report', aclText(local), false]],
      );
    });
  });

  test('more than the guard allows is taken back by apply only', async () => {
    await withBed(async (bed) => {
      const many = Array.from({ length: 12 }, (_, i) => acl({ principal: `User:u${i}` }));
      await grant('east', acl(), ...many);
      const subject = subjectOf({ acls: POLICY });
      await bed.apply('acls', subject);
      await waitUntil('all are granted', async () => (await listed('west')).length === 13);
      await revoke('east', ...many);
      bed.subjects = [subject];
      bed.lead();
      await waitUntil('the leader has compared', async () =>
        (await bed.metrics.text()).includes('causeway_rights_drift{route="east-west",part="acls"} 12'),
      );
      assert.equal((await listed('west')).length, 13);
      const plan = await bed.steps('acls', subject);
      assert.ok(plan.every(({ item }) => item.action === 'delete' && /only by apply: 12 of 13/.test(item.reason)));
      await bed.apply('acls', subject);
      await waitUntil(
        'one is left',
        async () => `${await listed('west')}` === 'User:alice from * may READ topic east.orders',
      );
    });
  });

  test('two routes into one target take nothing from each other', async () => {
    await withBed(async (bed) => {
      await grant('east', acl(), acl({ principal: 'User:bob' }));
      const named = (name: string) =>
        subjectOf({ name, acls: { ...POLICY, groups: false }, naming: { policy: 'identity' } });
      const [one, two] = [named('one'), named('two')];
      bed.subjects = [one, two];
      await bed.apply('acls', one);
      await shown('west', [acl(), acl({ principal: 'User:bob' })], true);
      await revoke('east', acl());
      // The second route still finds alice's right at the target, but would not grant it: gone for both.
      assert.deepEqual(
        (await bed.steps('acls', one)).map(({ item }) => item.action),
        ['delete'],
      );
      const other = {
        ...two,
        route: {
          ...two.route,
          acls: { ...POLICY, principals: { map: [{ match: 'User:bob', to: 'User:alice' }], exclude: [] } },
        },
      };
      bed.subjects = [one, other];
      assert.deepEqual(await bed.steps('acls', one), []);
    });
  });

  test('a paused topic’s rights, and groups of a route that copies nothing, are left alone', async () => {
    await withBed(async (bed) => {
      await grant('east', acl(), acl({ resource: 'group', name: 'billing' }));
      const subject = subjectOf({ acls: POLICY });
      await bed.apply('acls', subject);
      await shown('west', [acl({ name: 'east.orders' })], true);
      await revoke('east', acl());
      const paused = { ...subject, entries: subject.entries.map((entry) => ({ ...entry, paused: true })) };
      const plan = await bed.steps('acls', paused);
      assert.deepEqual(
        plan.filter(({ item }) => item.action === 'delete' && item.before?.includes('topic')),
        [],
      );
      assert.deepEqual(
        plan.filter(({ item }) => item.action === 'create'),
        [],
      );
    });
  });

  test('without the rights to look, it is said what to grant', async () => {
    await withBed(async (bed) => {
      await assert.rejects(bed.steps('acls', subjectOf({ acls: POLICY })), (error) => {
        assert.ok(isCausewayError(error, 'CLUSTER_RIGHTS_MISSING'));
        assert.match(`${error.message} ${error.fix}`, /cluster (east|west) .*Grant DESCRIBE on the cluster/);
        return true;
      });
    }, WEAK);
  });

  test('without the right to grant, it is said what to grant, and nothing is claimed', async () => {
    const alter = acl({
      resource: 'cluster',
      name: 'kafka-cluster',
      principal: `User:${CAUSEWAY}`,
      operation: 'alter',
    });
    await withBed(async (bed) => {
      await grant('east', acl());
      await revoke('west', alter);
      try {
        await assert.rejects(bed.apply('acls', subjectOf({ acls: POLICY })), (error) => {
          assert.ok(isCausewayError(error, 'CLUSTER_RIGHTS_MISSING'));
          assert.match(error.fix ?? '', /Grant ALTER on the cluster/);
          return true;
        });
        assert.deepEqual(await listed('west'), []);
      } finally {
        await grant('west', alter);
      }
    });
  });

  test('a cluster without an authorizer is told once, on either side, and breaks nothing', async () => {
    await withBed(async (bed) => {
      await grant('east', acl());
      const cases = [{ source: 'open' }, { target: 'open' }] as const;
      for (const clusters of cases) {
        const plan = await bed.steps('acls', subjectOf({ ...clusters, acls: POLICY }));
        assert.deepEqual(
          plan.map(({ item }) => [item.kind, item.cluster, item.applies]),
          [['authorizer', 'open', false]],
        );
      }
    });
  });

  test('client quotas follow, defaults too; Causeway’s own user is not slowed down; what is gone at the source is taken back', async () => {
    await withBed(async (bed) => {
      const RATE = 'consumer_byte_rate';
      const atWest = async (): Promise<string> => JSON.stringify(await root.quotas('west'));
      await limit('east', { user: 'alice' }, RATE, 1_000);
      await limit('east', { user: null }, RATE, 500);
      await limit('east', { user: CAUSEWAY }, RATE, 10);
      await limit('west', { clientId: 'local' }, 'producer_byte_rate', 7);
      const subject = subjectOf({ quotas: 'sync' });
      bed.subjects = [subject];
      bed.lead();
      await waitUntil('quotas are set', async () => (await root.quotas('west')).length === 3);
      assert.match(await atWest(), /"user":"alice"},"values":{"consumer_byte_rate":1000}/);
      assert.doesNotMatch(await atWest(), /causeway/);
      const told = await bed.steps('quotas', subject);
      assert.deepEqual(
        told.map(({ item }) => [item.action, item.applies]),
        [
          ['report', false],
          ['report', false],
        ],
      );
      await limit('east', { user: 'alice' }, RATE, null);
      await limit('east', { user: null }, RATE, 600);
      await bed.apply('quotas', subject);
      const expected = JSON.stringify([
        { entity: { clientId: 'local' }, values: { producer_byte_rate: 7 } },
        { entity: { user: null }, values: { consumer_byte_rate: 600 } },
      ]);
      await waitUntil('alice’s is taken back, the local one stays', async () => {
        const found = [...(await root.quotas('west'))].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
        return JSON.stringify(found) === expected;
      });
      await limit('east', { user: null }, RATE, null);
      await limit('east', { user: CAUSEWAY }, RATE, null);
      await limit('west', { clientId: 'local' }, 'producer_byte_rate', null);
      await limit('west', { user: null }, RATE, null);
    });
  });

  test('of two sources’ quotas for one target the first route’s count, the other’s are told', async () => {
    await withBed(async (bed) => {
      const first = subjectOf({ name: 'a', source: 'open', quotas: 'sync' });
      const second = subjectOf({ name: 'b', quotas: 'sync' });
      bed.subjects = [first, second];
      await limit('east', { user: 'alice' }, 'consumer_byte_rate', 9);
      const plan = await bed.steps('quotas', second);
      assert.deepEqual(
        plan.map(({ item }) => [item.applies, /route a sets/.test(item.reason)]),
        [[false, true]],
      );
      await limit('east', { user: 'alice' }, 'consumer_byte_rate', null);
    });
  });

  test('users with passwords at the source only are told, and never copied', async () => {
    await withBed(async (bed) => {
      const plan = await bed.steps('users', subjectOf({ users: 'report' }));
      assert.deepEqual(
        plan.map(({ item, run }) => [item.kind === 'user' && item.user, item.applies, run]),
        [['alice', false, undefined]],
      );
      assert.match(plan[0]?.item.reason ?? '', /No API of Kafka hands out a password/);
    });
  });

  test('a whole controller does it while it leads, and its drift report has what is left', async () => {
    const kit = await ControllerKit.open({ routes: [] });
    const config = kit.config.bind(kit);
    const clusters = new Map([east, west].map((handle) => [handle.name, loggedIn(handle, CAUSEWAY)]));
    kit.config = (overrides) => ({ ...config(overrides), clusters });
    try {
      await grant('east', acl(), acl({ name: '*', principal: 'User:audit', operation: 'describe' }));
      kit.kafka.addTopic('east', 'orders', 1);
      const { client } = await kit.controller();
      const acls = { mode: 'additive', intervalMs: 1_000 } as never;
      await client.putRoute('whole', { source: 'east', target: 'west', delivery: 'at-least-once', acls });
      await client.addTopic('whole', { topic: 'orders' });
      await shown('west', [acl()], true);
      const { items, unread } = await new SyncClient(client.transport).drift('whole');
      const told = items
        .filter(({ kind }) => kind === 'acl')
        .map(({ action, reason }) => [action, /everything there/.test(reason)]);
      assert.deepEqual([told, unread.filter(({ part }) => part === 'acls')], [[['report', true]], []]);
    } finally {
      await kit.close();
      for (const cluster of ['east', 'west']) await revoke(cluster, ...((await root.acls(cluster, RESOURCES)) ?? []));
    }
  });
});
