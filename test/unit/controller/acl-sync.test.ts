import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type AclBinding, aclKey, aclText } from '../../../common/model/acl.js';
import type { NamingPolicy } from '../../../common/model/naming.js';
import { groupNames, targetPrefix, topicNames } from '../../../controller/core/acl-names.js';
import { type AclWorld, planAcls } from '../../../controller/core/acl-sync.js';

const POLICY: AclWorld['policy'] = {
  mode: 'mirror',
  topics: true,
  groups: true,
  write: 'omit',
  wildcard: 'report',
  remove: 'created',
  maxRemovals: 10,
  maxRemovalsPercent: 5,
};
const IDENTITY: NamingPolicy = { policy: 'identity' };
const PREFIXED: NamingPolicy = { policy: 'default', separator: '.' };

function acl(changes: Partial<AclBinding> = {}): AclBinding {
  return {
    resource: 'topic',
    pattern: 'literal',
    name: 'orders',
    principal: 'User:alice',
    host: '*',
    operation: 'read',
    permission: 'allow',
    ...changes,
  };
}

interface Setting extends Partial<Omit<AclWorld, 'policy' | 'names'>> {
  readonly policy?: Partial<AclWorld['policy']>;
  readonly naming?: NamingPolicy;
  readonly topics?: readonly string[];
  readonly groups?: (group: string) => string | undefined;
}

function plan(setting: Setting) {
  const { policy, naming = IDENTITY, topics = ['orders', 'payments'], groups = (group) => group, ...rest } = setting;
  const route = { source: 'east', naming };
  return planAcls({
    policy: { ...POLICY, ...policy },
    names: { topic: topicNames(route, topics), group: groupNames(groups) },
    principal: (principal) => principal,
    source: [],
    target: [],
    created: new Set(),
    wantedByOthers: new Set(),
    isProtected: () => false,
    ...rest,
  });
}

const created = (setting: Setting): readonly string[] => plan(setting).create.map(({ binding }) => aclText(binding));
const removed = (setting: Setting): readonly string[] => plan(setting).remove.map(aclText);
const keys = (...bindings: readonly AclBinding[]): ReadonlySet<string> => new Set(bindings.map(aclKey));

describe('rights on topics go to the target as MirrorMaker 2 has them go', () => {
  test('ALLOW WRITE is not copied, ALLOW ALL becomes ALLOW READ, everything else is copied as it is, DENY too', () => {
    const source = [
      acl({ operation: 'write' }),
      acl({ principal: 'User:bob', operation: 'all' }),
      acl({ principal: 'User:carol', operation: 'alter-configs', host: '10.0.0.1' }),
      acl({ principal: 'User:dan', operation: 'write', permission: 'deny' }),
      acl({ principal: 'User:eve', operation: 'all', permission: 'deny' }),
    ];
    assert.deepEqual(created({ source, naming: PREFIXED }), [
      'User:bob from * may READ topic east.orders',
      'User:carol from 10.0.0.1 may ALTER_CONFIGS topic east.orders',
      'User:dan from * must not WRITE topic east.orders',
      'User:eve from * must not ALL topic east.orders',
    ]);
  });

  test('write: copy leaves the right to write, for producers after a failover', () => {
    const source = [acl({ operation: 'write' }), acl({ principal: 'User:bob', operation: 'all' })];
    assert.deepEqual(created({ source, policy: { write: 'copy' } }), [
      'User:alice from * may WRITE topic orders',
      'User:bob from * may ALL topic orders',
    ]);
  });

  test('only of topics that are mirrored, and only where the target lacks them', () => {
    const source = [acl(), acl({ name: 'secret' }), acl({ name: 'payments' })];
    assert.deepEqual(created({ source, target: [acl({ name: 'payments' })] }), [
      'User:alice from * may READ topic orders',
    ]);
    assert.deepEqual(created({ source, topics: [] }), []);
  });

  test('two rights of the source that are one at the target are granted once', () => {
    assert.equal(created({ source: [acl(), acl({ operation: 'all' })] }).length, 1);
  });

  test('principals are called as the route says, those excluded are left alone', () => {
    const principal = (name: string): string | undefined => (name === 'User:bob' ? undefined : `${name}@west`);
    const source = [acl(), acl({ principal: 'User:bob' })];
    assert.deepEqual(created({ source, principal }), ['User:alice@west from * may READ topic orders']);
  });

  test('resources that are no concern of a route are not looked at', () => {
    const others = [acl({ resource: 'cluster', name: 'kafka-cluster' }), acl({ resource: 'transactional-id' })];
    assert.deepEqual(plan({ source: others, target: others }).foreign, []);
    assert.deepEqual(created({ source: others }), []);
    assert.deepEqual(created({ source: [acl()], policy: { topics: false } }), []);
  });
});

describe('prefixes and wildcards', () => {
  const prefixed = acl({ pattern: 'prefixed', name: 'ord' });

  test('a prefix follows a naming that keeps prefixes', () => {
    assert.deepEqual(created({ source: [prefixed], naming: PREFIXED }), [
      'User:alice from * may READ topics beginning with east.ord',
    ]);
    assert.deepEqual(created({ source: [prefixed], topics: ['payments'] }), [], 'nothing mirrored begins so');
  });

  test('a prefix that the naming scatters is told, not guessed', () => {
    const naming: NamingPolicy = { policy: 'template', template: '{topic}-{source}' };
    const { create, unplaceable } = plan({ source: [prefixed], naming });
    assert.deepEqual(create, []);
    assert.match(unplaceable[0]?.reason ?? '', /does not map/);
  });

  test('which namings keep prefixes', () => {
    const at = (naming: NamingPolicy): string | undefined => targetPrefix({ source: 'east', naming }, 'ord');
    assert.equal(at({ policy: 'template', template: 'dr.{source}.{topic}' }), 'dr.east.ord');
    assert.equal(at({ policy: 'template', template: '{topic}.copy' }), undefined);
    assert.equal(
      at({ policy: 'regex', match: '(.*)', replacement: 'x$1', otherwise: { policy: 'identity' } }),
      undefined,
    );
    const otherwise = { policy: 'default', separator: '_' } as const;
    assert.equal(at({ policy: 'map', topics: { payments: 'p' }, otherwise }), 'east_ord');
    assert.equal(at({ policy: 'map', topics: { orders: 'o' }, otherwise }), undefined);
  });

  test('a right on every topic becomes one on all that comes from the source, where that has a prefix', () => {
    assert.deepEqual(created({ source: [acl({ name: '*' })], naming: PREFIXED }), [
      'User:alice from * may READ topics beginning with east.',
    ]);
  });

  test('else it is told, and granted on everything only when that is asked for', () => {
    const source = [acl({ name: '*' })];
    const { create, unplaceable } = plan({ source });
    assert.deepEqual(create, []);
    assert.match(unplaceable[0]?.reason ?? '', /everything there/);
    assert.deepEqual(created({ source, policy: { wildcard: 'copy' } }), ['User:alice from * may READ topic *']);
  });
});

describe('rights on groups', () => {
  const group = acl({ resource: 'group', name: 'billing' });

  test('are copied as they are, ALL and WRITE too, under the group’s name there', () => {
    const groups = (name: string): string => `dr-${name}`;
    assert.deepEqual(created({ source: [{ ...group, operation: 'all' }], groups }), [
      'User:alice from * may ALL group dr-billing',
    ]);
    assert.deepEqual(created({ source: [{ ...group, pattern: 'prefixed' }] }), [
      'User:alice from * may READ groups beginning with billing',
    ]);
  });

  test('at the target only are nobody’s concern unless the route granted them', () => {
    assert.deepEqual(plan({ target: [group], source: [acl()] }).foreign, []);
    assert.deepEqual(removed({ target: [group], source: [acl()], created: keys(group) }), [aclText(group)]);
  });
});

describe('taking rights back', () => {
  const gone = acl({ principal: 'User:gone' });
  const here = acl();

  test('mode mirror takes back what the route granted; what others granted is told', () => {
    const theirs = acl({ principal: 'User:local' });
    const { remove, foreign, guard } = plan({ source: [here], target: [here, gone, theirs], created: keys(gone) });
    assert.deepEqual(remove, [gone]);
    assert.deepEqual(foreign, [theirs]);
    assert.equal(guard, undefined);
  });

  test('modes additive and report take nothing back', () => {
    for (const mode of ['additive', 'report'] as const) {
      const { remove, foreign } = plan({ source: [here], target: [gone], created: keys(gone), policy: { mode } });
      assert.deepEqual([remove, foreign], [[], [gone]]);
    }
  });

  test('remove: scope takes back others’ too, but not those of protected principals, nor the right to write that is never copied', () => {
    const own = acl({ principal: 'User:causeway' });
    const producer = acl({ principal: 'User:local', operation: 'write' });
    const setting: Setting = {
      source: [here],
      target: [gone, own, producer, acl({ name: 'unrelated' })],
      policy: { remove: 'scope' },
      isProtected: (principal) => principal === 'User:causeway',
    };
    assert.deepEqual(removed(setting), [aclText(gone)]);
    assert.deepEqual(removed({ ...setting, policy: { remove: 'scope', write: 'copy' } }), [
      aclText(gone),
      aclText(producer),
    ]);
  });

  test('remove: scope leaves prefixes alone that reach beyond the route, unless it granted them', () => {
    const wide = acl({ pattern: 'prefixed', name: 'ord' });
    const setting: Setting = { source: [here], target: [wide], policy: { remove: 'scope' } };
    assert.deepEqual(removed(setting), []);
    assert.deepEqual(removed({ ...setting, created: keys(wide) }), [aclText(wide)]);
    const confined = { ...wide, name: 'east.ord' };
    assert.deepEqual(removed({ ...setting, naming: PREFIXED, target: [confined] }), [aclText(confined)]);
  });

  test('what another route to the same target wants stays', () => {
    const setting: Setting = { source: [here], target: [gone], created: keys(gone), wantedByOthers: keys(gone) };
    assert.deepEqual([removed(setting), plan(setting).foreign], [[], []]);
  });

  test('rights on a topic that is not mirrored any more stay: it may be somebody’s primary by now', () => {
    assert.deepEqual(removed({ source: [], target: [gone], created: keys(gone), topics: [] }), []);
  });

  test('more than both bounds in a round wait for somebody', () => {
    const many = Array.from({ length: 30 }, (_, i) => acl({ principal: `User:gone-${i}` }));
    const setting: Setting = { source: [here], target: [here, ...many], created: keys(...many) };
    assert.match(plan(setting).guard ?? '', /30 of 31/);
    assert.equal(plan({ ...setting, policy: { maxRemovals: 30 } }).guard, undefined);
    assert.equal(plan({ ...setting, policy: { maxRemovalsPercent: 100 } }).guard, undefined);
  });

  test('the last right is not taken back without somebody’s word: the source may not have told everything', () => {
    const { remove, guard } = plan({ source: [], target: [gone], created: keys(gone) });
    assert.equal(remove.length, 1);
    assert.match(guard ?? '', /nothing would be left/);
  });
});
