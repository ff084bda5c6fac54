import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { GroupClient } from '../../../common/api/group-client.js';
import { ControllerKit, until } from './kit.js';

let kit: ControllerKit | undefined;

afterEach(async () => {
  await kit?.close();
  kit = undefined;
});

/** Two controllers, the first of which leads. */
async function fleet() {
  kit = await ControllerKit.open();
  const first = await kit.controller();
  await until(() =>
    first.client.status().then(
      ({ leader }) => leader !== null,
      () => false,
    ),
  );
  const second = await kit.controller();
  return [first, second].map(({ client, httpAddress }) => ({
    client,
    httpAddress,
    groups: new GroupClient(client.transport),
  }));
}

describe('groups over REST', () => {
  test('any controller answers, the leader does it; a route without topics has none, an unknown one is refused', async () => {
    const [leader, other] = await fleet();
    assert.ok(leader !== undefined && other !== undefined);
    for (const { groups } of [leader, other]) {
      await until(() =>
        groups.list('r').then(
          () => true,
          () => false,
        ),
      );
      const { route, counts, groups: found, next } = await groups.list('r');
      assert.deepEqual([route, counts.groups, found, next], ['r', 0, [], null]);
      const synced = await groups.sync('r', { takeover: true });
      assert.deepEqual([synced.dryRun, synced.truncated, synced.groups], [false, false, []]);
      await assert.rejects(groups.list('nowhere'), { code: 'ROUTE_UNKNOWN' });
      await assert.rejects(groups.sync('nowhere'), { code: 'ROUTE_UNKNOWN' });
    }
    await assert.rejects(other.groups.list('r', { own: true }), { code: 'NO_LEADER' });
  });

  test('a cluster that cannot be reached is said, with its code', async () => {
    const [leader] = await fleet();
    assert.ok(leader !== undefined && kit !== undefined);
    kit.kafka.addTopic('east', 'orders', 1);
    await leader.client.addTopic('r', { topic: 'orders' });
    const refused = async (): Promise<boolean> => {
      const error = await leader.groups.sync('r', { dryRun: true }).then(
        () => undefined,
        (fault: unknown) => fault,
      );
      return (error as { code?: string } | undefined)?.code === 'CLUSTER_UNREACHABLE';
    };
    await until(refused);
  });

  test('orders that make no sense are refused, whoever leads', async () => {
    const [leader] = await fleet();
    assert.ok(leader !== undefined);
    const post = async (body: unknown): Promise<number> => {
      const headers = { 'content-type': 'application/json' };
      const url = `${leader.httpAddress}/api/v1/routes/r/groups/sync`;
      return (await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })).status;
    };
    for (const body of [{ groups: [] }, { groups: [''] }, { takeover: 'yes' }, { unknown: 1 }, []]) {
      assert.equal(await post(body), 400, JSON.stringify(body));
    }
    await assert.rejects(leader.groups.list('r', { limit: 0 }), { code: 'INVALID_REQUEST' });
  });
});
