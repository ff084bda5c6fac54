import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RecoveryClient } from '../../../common/api/recovery-client.js';
import type { RecoveryBody, RecoveryView } from '../../../common/api/recovery-shapes.js';
import { isCausewayError } from '../../../common/errors/error.js';
import { copyingFleet } from './copying-fleet.js';
import { until } from './kit.js';

async function fleet() {
  const copying = await copyingFleet();
  const recoveries = new RecoveryClient(copying.client.transport);
  const rests = (id: string): Promise<RecoveryView> =>
    until(async () => {
      const view = await recoveries.get(id);
      return view.state !== 'running' && view.state !== 'aborting' && view;
    }) as Promise<RecoveryView>;
  return { ...copying, recoveries, rests };
}

const statesOf = ({ steps }: RecoveryView): string => steps.map(({ id, state }) => `${id} ${state}`).join(', ');

describe('orders about recovery programs', () => {
  test('bad ones are refused with a code, and nothing is written', async () => {
    const { kit, recoveries } = await fleet();
    try {
      await assert.rejects(recoveries.begin({ kind: 'failover', route: 'nowhere' }), { code: 'ROUTE_UNKNOWN' });
      await assert.rejects(recoveries.begin({ kind: 'failover', route: '../r' }), { code: 'ROUTE_UNKNOWN' });
      const confirming = recoveries.begin({ kind: 'failover', route: 'r', options: { confirm: ['drain'] } });
      await assert.rejects(confirming, { code: 'INVALID_REQUEST' });
      const fencing = recoveries.begin({ kind: 'switchover', route: 'r', options: { fencePrincipals: ['nobody'] } });
      await assert.rejects(fencing, { code: 'INVALID_REQUEST' });
      for (const id of ['x', '../../routes/r', 'failover-20260101000000-abcdef']) {
        await assert.rejects(recoveries.get(id), { code: 'RECOVERY_UNKNOWN' });
      }
      assert.deepEqual((await recoveries.list()).recoveries, []);
    } finally {
      await kit.close();
    }
  });

  test('a drill changes nothing, and shows what it looked at', async () => {
    const { kit, worker, recoveries, rests } = await fleet();
    try {
      const { id } = await recoveries.begin({ kind: 'drill', route: 'r', options: { groups: false } });
      const view = await rests(id);
      assert.equal(view.state, 'done', JSON.stringify(view.steps));
      assert.equal(worker.held.size, 2);
      const again = await recoveries.begin({ kind: 'drill', route: 'r', options: { groups: false } });
      assert.notEqual(again.id, id);
      await assert.rejects(recoveries.resume(id), { code: 'RECOVERY_NOT_POSSIBLE' });
      await assert.rejects(recoveries.abort(id), { code: 'RECOVERY_NOT_POSSIBLE' });
    } finally {
      await kit.close();
    }
  });

  test('a failover while the source answers stops at its pre-checks, and is in nobody’s way then: it has changed nothing', async () => {
    const { kit, worker, recoveries, rests } = await fleet();
    try {
      const { id } = await recoveries.begin({ kind: 'failover', route: 'r', options: { groups: false } });
      const view = await rests(id);
      assert.equal(view.state, 'failed');
      assert.match(view.message ?? '', /cluster east answers/);
      assert.equal(worker.held.size, 2, 'nothing was stopped');
      const forced = { groups: false, force: true, confirm: ['stop'] };
      const second = await recoveries.begin({ kind: 'failover', route: 'r', options: forced });
      await assert.rejects(recoveries.resume(id), { code: 'RECOVERY_UNDER_WAY' });
      assert.equal((await rests(second.id)).state, 'waiting');
      await assert.rejects(recoveries.begin({ kind: 'switchover', route: 'r' }), (error: Error) => {
        assert.match(error.message, new RegExp(`${second.id} is waiting, and works on route r`));
        return true;
      });
      const there = { kind: 'switchover', route: 'other', options: { reverse: 'r' } } as const;
      await assert.rejects(recoveries.begin(there), { code: 'RECOVERY_UNDER_WAY' });
      await recoveries.begin({ kind: 'drill', route: 'r', options: { groups: false } });
      assert.equal((await recoveries.abort(second.id)).state, 'aborting');
      assert.equal((await rests(second.id)).state, 'aborted');
      await recoveries.resume(id);
      assert.equal((await rests(id)).state, 'failed', 'it may be tried again');
    } finally {
      await kit.close();
    }
  });

  test('options that a kind would leave out, or that would fail late, are refused at once; rights that are missing stop it before it begins', async () => {
    const { kit, worker, recoveries, rests } = await fleet();
    try {
      const fencing = { fencePrincipals: ['User:app'] };
      const bad: [RecoveryBody['kind'], NonNullable<RecoveryBody['options']>, RegExp][] = [
        ['failover', fencing, /fencePrincipals: a failover denies nobody/],
        ['drill', fencing, /fencePrincipals/],
        ['failback', { ...fencing, switchBack: false }, /does not switch back/],
        ['switchover', { fencePrincipals: ['User:*'] }, /would deny the copy back/],
        ['cutover', { readOnlySource: true, reverseCopy: true }, /readOnlySource: the copy back writes/],
        ['switchover', { readOnlySource: true }, /readOnlySource/],
        ['switchover', { quarantineSuffix: '.q' }, /quarantineSuffix/],
        ['switchover', { reverse: 'r' }, /not its own way back/],
        ['switchover', { reverse: 'a b' }, /no name of a route/],
        ['failover', { reverse: 'x' }, /has no way back/],
      ];
      for (const [kind, options, told] of bad) {
        await assert.rejects(recoveries.begin({ kind, route: 'r', options }), (error: unknown) => {
          assert.ok(isCausewayError(error, 'INVALID_REQUEST'));
          assert.match(error.message, told);
          assert.ok(error.fix !== undefined, 'it says what to order instead');
          return true;
        });
      }
      assert.deepEqual((await recoveries.list()).recoveries, []);
      const migration = { groups: false, readOnlySource: true };
      const { id } = await recoveries.begin({ kind: 'cutover', route: 'r', options: migration });
      const view = await rests(id);
      assert.match(statesOf(view), /^survey failed, rpo pending/);
      assert.match(view.message ?? '', /rights: cluster east/);
      assert.equal(worker.held.size, 2);
    } finally {
      await kit.close();
    }
  });

  test('topics are taken off their workers, and given back when it is given up before its point of no return', async () => {
    const { kit, worker, recoveries, rests, client } = await fleet();
    try {
      const options = { groups: false, force: true, confirm: ['settle'] };
      const { id } = await recoveries.begin({ kind: 'failover', route: 'r', options });
      const view = await rests(id);
      assert.equal(view.state, 'waiting', statesOf(view));
      assert.match(statesOf(view), /stop done, settle waiting/);
      assert.equal(worker.held.size, 0, 'its workers let go');
      assert.equal((await client.getTopic('r', 't')).value.retired?.by, id);
      await recoveries.abort(id, 'the source is back');
      const over = await rests(id);
      assert.equal(over.state, 'aborted');
      await until(() => worker.held.size === 2);
      assert.equal((await client.getTopic('r', 't')).value.retired, null);
      assert.match(JSON.stringify(over.audit), /1 topics are copied again on route r/);
    } finally {
      await kit.close();
    }
  });

  test('the RPO is the leader’s to tell, and any controller answers', async () => {
    const { kit, recoveries } = await fleet();
    try {
      const second = await kit.controller();
      const view = await until(async () => {
        const found = await recoveries.rpo('r').catch(() => undefined);
        return found !== undefined && found;
      });
      assert.equal(typeof view === 'object' && view.route, 'r');
      assert.equal((await new RecoveryClient(second.client.transport).rpo('r')).route, 'r');
      await assert.rejects(recoveries.rpo('nowhere'), { code: 'ROUTE_UNKNOWN' });
    } finally {
      await kit.close();
    }
  });
});
