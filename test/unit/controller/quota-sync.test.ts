import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ClientQuota } from '../../../common/model/client-quota.js';
import { planQuotas, type QuotaWorld, usersMissing } from '../../../controller/core/quota-sync.js';

const ALICE: ClientQuota = { entity: { user: 'alice' }, values: { producer_byte_rate: 1_000, request_percentage: 50 } };
const DEFAULT: ClientQuota = { entity: { user: null, clientId: null }, values: { consumer_byte_rate: 7 } };

function plan(world: Partial<QuotaWorld>) {
  return planQuotas({
    source: [],
    target: [],
    set: [],
    user: (name) => name,
    isOwn: (name) => name === 'causeway',
    ...world,
  });
}

describe('client quotas', () => {
  test('what the target lacks or has otherwise is set, key by key; defaults too', () => {
    const target = [{ entity: { user: 'alice' }, values: { producer_byte_rate: 900, request_percentage: 50 } }];
    assert.deepEqual(plan({ source: [ALICE, DEFAULT], target }).set, [
      { entity: { user: 'alice' }, key: 'producer_byte_rate', value: 1_000, before: 900 },
      { entity: { user: null, clientId: null }, key: 'consumer_byte_rate', value: 7, before: null },
    ]);
  });

  test('a user, every user and no user are three entities', () => {
    const values = { consumer_byte_rate: 7 };
    const target: ClientQuota[] = [
      { entity: { user: null }, values },
      { entity: { clientId: null }, values },
    ];
    assert.equal(plan({ source: [DEFAULT], target }).set.length, 1);
    assert.equal(plan({ source: [DEFAULT], target }).foreign.length, 2);
  });

  test('only what the route set, and nobody changed since, is taken back', () => {
    const set = [
      { entity: { user: 'alice' }, key: 'producer_byte_rate', value: 1_000 },
      { entity: { user: 'alice' }, key: 'request_percentage', value: 40 },
    ];
    const { remove, foreign } = plan({ source: [DEFAULT], target: [ALICE, DEFAULT], set });
    assert.deepEqual(remove, [set[0]]);
    assert.deepEqual(foreign, [{ entity: { user: 'alice' }, key: 'request_percentage', value: 50 }]);
  });

  test('users are called as the route says; Causeway’s own is never slowed down', () => {
    const user = (name: string): string | undefined => (name === 'alice' ? 'causeway' : undefined);
    const { set, skipped } = plan({ source: [ALICE, { ...ALICE, entity: { user: 'bob' } }], user });
    assert.deepEqual(set, []);
    assert.match(skipped[0]?.reason ?? '', /own user/);
  });

  test('users that could not log in at the target, by their names there', () => {
    const user = (name: string): string | undefined => (name === 'admin' ? undefined : name.replace('@east', ''));
    assert.deepEqual(usersMissing(['zoe', 'admin', 'bob@east', 'alice'], ['bob'], user), ['alice', 'zoe']);
  });
});
