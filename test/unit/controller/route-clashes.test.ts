import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Route } from '../../../common/model/route.js';
import { literalName, sampleNames } from '../../../controller/core/pattern-samples.js';
import { routeClashes } from '../../../controller/core/route-clashes.js';
import { RuleBook } from '../../../controller/loop/rule-book.js';
import { ControllerKit, routeOf, until } from './kit.js';

const selecting = (include: readonly string[], exclude: readonly string[] = []): Pick<Route, 'selection'> => ({
  selection: { include, exclude, targetMustExist: false, onUnmatched: 'keep' },
});

const route = (name: string, source: string, include: readonly string[], more: Partial<Route> = {}): Route => ({
  ...routeOf(name),
  source,
  target: 'hub',
  naming: { policy: 'identity' },
  ...selecting(include),
  ...more,
});

function clashes(one: Route, others: readonly Route[], names: readonly string[] = []): string[] {
  const book = new RuleBook(['denied']);
  const rulesOf = ({ selection }: Route) => book.rulesOf(selection);
  return routeClashes(one, { others, rulesOf, names }).map(
    ({ isCertain, message }) => `${isCertain ? 'certain' : 'possible'}: ${message}`,
  );
}

const PREFIXED: Pick<Route, 'naming'> = { naming: { policy: 'default', separator: '.' } };

test('patterns of two routes that meet in one target topic are found, by a name that shows it', () => {
  const west = route('w', 'west', ['orders-.*']);
  assert.match(
    clashes(west, [route('e', 'east', ['.*'])])[0] ?? '',
    /possible: .*orders-.*route e .*target topic orders-/,
  );
  assert.match(
    clashes(west, [route('e', 'east', ['orders-eu'])])[0] ?? '',
    /possible: its topic orders-eu and topic orders-eu/,
  );
  assert.match(
    clashes(route('w', 'west', ['a\\.b']), [route('e', 'east', ['a.b'])])[0] ?? '',
    /^certain: its topic a\.b/,
  );
  assert.match(
    clashes(route('w', 'west', ['a.b']), [route('e', 'east', ['a_b'])])[0] ?? '',
    /^certain: .*does not tell apart/,
  );
  // Neither pattern says it; a topic that is mirrored does.
  const ends = route('e', 'east', ['.*-eu']);
  assert.deepEqual(clashes(west, [ends]), []);
  assert.match(clashes(west, [ends], ['orders-eu'])[0] ?? '', /orders-eu/);
});

test('where names, targets, exclusions or transactions keep them apart nothing is said', () => {
  const west = route('w', 'west', ['orders-.*']);
  const apart: readonly Route[] = [
    route('a', 'east', ['orders-.*'], PREFIXED),
    route('b', 'east', ['orders-.*'], { target: 'other' }),
    route('c', 'east', ['payments-.*']),
    route('d', 'east', [], selecting(['.*'], ['orders-.*'])),
    { ...route('f', 'east', []), ...{ selection: undefined } } as unknown as Route,
  ];
  assert.deepEqual(clashes(west, apart), []);
  assert.deepEqual(clashes(route('w', 'west', ['denied']), [route('e', 'east', ['denied'])]), []);
  const shared: Partial<Route> = { delivery: 'transactional' };
  assert.deepEqual(clashes(route('w', 'west', ['x'], shared), [route('e', 'east', ['x'], shared)]), []);
  assert.equal(clashes(route('w', 'west', ['x'], shared), [route('e', 'east', ['x'])]).length, 1);
  assert.deepEqual(clashes(route('w', 'west', ['a\\..*', 'b.*']), []), [], 'names that only metrics confuse are rare');
});

test('topics of one route that its naming brings together, by a map, an expression or another name', () => {
  const map = (topics: Record<string, string>): Partial<Route> => ({
    naming: { policy: 'map', topics, otherwise: { policy: 'identity' } },
  });
  assert.match(
    clashes(route('w', 'west', ['q'], map({ a: 'x', b: 'x' })), [])[0] ?? '',
    /^certain: .*a and b one target topic, x/,
  );
  assert.match(
    clashes(route('w', 'west', ['.*'], map({ a: 'b' })), [], ['b'])[0] ?? '',
    /^possible: its topics a and b/,
  );
  assert.match(clashes(route('w', 'west', ['a', 'b'], map({ a: 'b' })), [])[0] ?? '', /^certain: its topics a and b/);
  const whole: Route['naming'] = {
    policy: 'regex',
    match: 'part-.*',
    replacement: 'whole',
    otherwise: { policy: 'identity' },
  };
  const parts = route('w', 'west', ['part-[ab]', 'part-c'], { naming: whole });
  assert.match(clashes(parts, [])[0] ?? '', /^possible: its topics part-a and part-c/);
  assert.deepEqual(clashes({ ...parts, delivery: 'transactional', partitionMapping: { to: 'merge' } }, []), []);
});

test('topics that rules send records to are not to be mirrored into, by whomever', () => {
  const ruled: Partial<Route> = {
    delivery: 'transactional',
    rules: { onUnreadable: 'pause', list: [{ name: 'r', action: { do: 'route', topic: 'gold', partitions: 1 } }] },
  };
  const own = route('w', 'west', ['.*'], ruled);
  assert.match(
    clashes(own, [])[0] ?? '',
    /^possible: it sends records aside to topic gold .* its selection takes topic gold/,
  );
  const west = route('w', 'west', ['orders'], ruled);
  assert.match(clashes(west, [route('e', 'east', ['g.*'])])[0] ?? '', /^possible: .*route e selects topic gold/);
  assert.match(clashes(west, [route('e', 'east', ['gold'])])[0] ?? '', /^certain/);
  assert.match(
    clashes(route('e', 'east', ['gold']), [west])[0] ?? '',
    /^certain: route w sends records aside .* its selection takes/,
  );
  assert.deepEqual(clashes(west, [route('e', 'east', ['gold'], PREFIXED)]), []);
});

test('names are made of what patterns are written like; what is not understood gives none that match', () => {
  for (const pattern of [
    ...['a(b|c)?d+', '(?:x|y)[0-9]{2}', '[^a]*z', 'a\\.b\\d', '(?i:ab)', '((((a))))', 'a{2,}', '(?P<n>q)r', '\\w+-x'],
    '.*',
  ]) {
    const book = new RuleBook([]);
    const rules = book.rulesOf(selecting([pattern]).selection);
    const matching = sampleNames(pattern).filter((name) => rules.included(name) !== undefined);
    assert.ok(matching.length > 0, `${pattern}: ${sampleNames(pattern).join()}`);
    assert.ok(sampleNames(pattern).length <= 32);
  }
  assert.ok(sampleNames('(a?){30}'.repeat(9)).length <= 32);
  assert.deepEqual(
    [literalName('a\\.b-c'), literalName('a.b'), literalName('a.*'), literalName('')],
    ['a.b-c', 'a.b', undefined, undefined],
  );
});

test('over REST: a clash by name refuses the route, one by patterns is a warning of what was saved', async () => {
  const kit = await ControllerKit.open({ routes: [routeOf('r', selecting(['orders-.*', 'bills']))] });
  try {
    const { client } = await kit.controller();
    await until(async () => (await client.status()).leader !== null);
    const { source, target } = (await client.getRoute('r')).value;
    const body = { source, target, naming: { policy: 'identity' }, delivery: 'exactly-once' } as const;
    const put = (include: string[]) => client.putRoute('other', { ...body, selection: { include } });
    const { naming } = (await client.getRoute('r')).value;
    assert.equal(naming.policy, 'identity');
    await assert.rejects(put(['bills']), { code: 'TARGET_CONFLICT' });
    const { value, etag } = await put(['orders-eu']);
    assert.match(value.warnings?.join() ?? '', /orders-eu of route r .*target topic orders-eu/);
    await assert.rejects(client.patchRoute('other', { selection: { include: ['bills'] } }, etag), {
      code: 'TARGET_CONFLICT',
    });
    const { value: limited } = await client.patchRoute('other', { limits: { bytesPerS: 1_000 } }, etag);
    assert.equal(limited.limits?.bytesPerS, 1_000, 'what clashed before may still be changed otherwise');
    assert.equal((await client.getRoute('other')).value.warnings, undefined);
    const rules = {
      list: [
        { name: 'all', action: { do: 'drop' } },
        { name: 'late', action: { do: 'keep' }, onUnreadable: 'dead-letter' },
      ],
    } as const;
    const ruled = (more: object) =>
      client.putRoute('ruled', { ...body, delivery: 'transactional', rules, ...more } as never);
    await assert.rejects(ruled({}), { code: 'ROUTE_INVALID', message: /deadLetterTopic is not set/ });
    const saved = await ruled({ deadLetterTopic: 'letters' });
    assert.deepEqual(saved.value.warnings, ['rule late is never asked: rule all ends every record before it']);
    const { value: apart } = await client.patchRoute('other', { selection: { include: ['payments'] } });
    assert.equal(apart.warnings, undefined);
  } finally {
    await kit.close();
  }
});
