import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Route } from '../../../common/model/route.js';
import type { TopicSelection } from '../../../common/model/selection.js';
import { NamePatterns, patternFault } from '../../../common/patterns/name-patterns.js';
import { SelectionWorld } from '../../../controller/core/selection.js';
import { RuleBook } from '../../../controller/loop/rule-book.js';
import { routeOf } from './kit.js';

const ALL: TopicSelection = { include: ['.*'], exclude: [], targetMustExist: false, onUnmatched: 'keep' };

interface Setting {
  readonly routes: readonly Route[];
  readonly entries?: readonly { readonly route: string; readonly topic: string }[];
  readonly denials?: readonly string[];
  readonly deny?: readonly string[];
}

function judgeWith({ routes, entries = [], denials = [], deny = [] }: Setting) {
  const world = new SelectionWorld({
    routes: new Map(routes.map((route) => [route.name, route])),
    entries,
    denials: new Set(denials),
    clusters: ['east', 'west', 'north', 'north-sea'],
  });
  const book = new RuleBook(deny);
  const judge = (route: Route, topic: string, targets: readonly string[] = [], internal = false) =>
    world.judge(route, {
      topic,
      internal,
      rules: book.rulesOf(route.selection),
      hasTarget: (name) => targets.includes(name),
    });
  return { world, book, judge };
}

describe('patterns', () => {
  test('match whole names; the first that matches is named', () => {
    const patterns = new NamePatterns(['orders', 'pay(ments|outs)[.].*']);
    assert.equal(patterns.matching('orders'), 'orders');
    assert.equal(patterns.matching('orders-2'), undefined);
    assert.equal(patterns.matching('my-orders'), undefined);
    assert.equal(patterns.matching('payouts.eu'), 'pay(ments|outs)[.].*');
  });

  test('what only a backtracking machine can do is refused, and so is what costs too much', () => {
    for (const pattern of ['(?=a)b', '(a)\\1', '[', 'a{2000}', '(a{500}){3}', 'x'.repeat(501)]) {
      assert.equal(typeof patternFault(pattern), 'string', pattern);
    }
    for (const pattern of ['.*', '(?i)orders', 'a{1,100}', '\\w+[.]\\d{4}']) {
      assert.equal(patternFault(pattern), undefined, pattern);
    }
  });

  test('a pattern that makes others take for ever takes no time', () => {
    const patterns = new NamePatterns(['(a+)+b', '(a|a)*c', '(.*a){20}x']);
    const startMs = performance.now();
    for (let i = 0; i < 1_000; i++) patterns.matching('a'.repeat(249));
    assert.ok(performance.now() - startMs < 10_000);
  });
});

describe('what a route selects', () => {
  const route = routeOf('r', { selection: { ...ALL, exclude: ['.*-tmp'] } });

  test('included and not excluded; the deny list wins over both, by whichever of its parts', () => {
    const { judge } = judgeWith({ routes: [route], denials: ['r/by-hand'], deny: ['secret[.].*'] });
    assert.deepEqual(judge(route, 'orders'), { kind: 'selected', by: '.*' });
    assert.deepEqual(judge(route, 'orders-tmp'), { kind: 'excluded', by: '.*-tmp' });
    assert.equal(judge(route, 'by-hand').kind, 'denied');
    assert.equal(judge(route, 'secret.a').kind, 'denied');
    assert.equal(judge(route, 'odd', [], true).kind, 'denied');
    const narrow = routeOf('n', { selection: { ...ALL, include: ['orders'] } });
    assert.deepEqual(judge(narrow, 'payments'), { kind: 'not-included' });
  });

  test('nobody’s data is never taken: Kafka’s, Causeway’s, MirrorMaker 2’s and Connect’s own topics', () => {
    const letters = routeOf('back', { source: 'west', target: 'east', deadLetterTopic: 'refused' });
    const { judge } = judgeWith({ routes: [route, letters] });
    const own = [
      '__consumer_offsets',
      '__transaction_state',
      '__anything',
      'causeway.fleet.gaps',
      'causeway.fleet.heartbeats',
      'heartbeats',
      'west.heartbeats',
      'mm2-offset-syncs.west.internal',
      'mm2-configs.west.internal',
      'west.checkpoints.internal',
      'connect-internal',
      'orders.replica',
      'refused',
    ];
    for (const topic of own) assert.equal(judge(route, topic).kind, 'denied', topic);
    for (const topic of ['_schemas', 'internal', 'my-heartbeats-2', 'replica']) {
      assert.equal(judge(route, topic).kind, 'selected', topic);
    }
  });

  test('what came from the route’s target is left alone: by what this fleet mirrors, over any number of routes', () => {
    const there = routeOf('there', { selection: ALL });
    const onward = routeOf('onward', { source: 'west', target: 'north', selection: ALL });
    const home = routeOf('home', { source: 'north', target: 'east', selection: ALL });
    const entries = [
      { route: 'there', topic: 't' },
      { route: 'onward', topic: 't' },
    ];
    const { judge } = judgeWith({ routes: [there, onward, home], entries });
    assert.equal(judge(home, 't').kind, 'mirror');
    assert.equal(judge(home, 'u').kind, 'selected');
  });

  test('what one route has taken just now is known to the next: of two opposite routes one gets the topic', () => {
    const there = routeOf('there', { selection: ALL });
    const back = routeOf('back', { source: 'west', target: 'east', selection: ALL });
    const { world, judge } = judgeWith({ routes: [there, back] });
    assert.equal(judge(there, 't').kind, 'selected');
    world.take(there, 't');
    assert.equal(judge(back, 't').kind, 'mirror');
  });

  test('and by the prefixes of default naming, whoever mirrored it, a cluster’s name within another’s told apart', () => {
    const prefixed = routeOf('p', { naming: { policy: 'default', separator: '.' }, selection: ALL });
    const { judge } = judgeWith({ routes: [prefixed] });
    assert.equal(judge(prefixed, 'west.orders').kind, 'mirror');
    assert.equal(judge(prefixed, 'north.west.orders').kind, 'mirror');
    assert.equal(judge(prefixed, 'north.orders').kind, 'selected');
    assert.equal(judge(prefixed, 'orders.west.x').kind, 'mirror', 'orders may be a cluster of somebody else’s');
    assert.equal(judge(prefixed, 'orders.x').kind, 'selected');
    const dashed = routeOf('d', { target: 'north', naming: { policy: 'default', separator: '-' }, selection: ALL });
    assert.equal(judge(dashed, 'north-sea-orders').kind, 'selected');
    assert.equal(judge(dashed, 'north-orders').kind, 'mirror');
  });

  test('in transactions routes may share a target topic, and two that tell where records have been may mirror a name into each other', () => {
    const merged = { delivery: 'transactional' } as const;
    const one = routeOf('one', { ...merged, selection: ALL });
    const other = routeOf('other', { ...merged, source: 'north' });
    const entries = [{ route: 'other', topic: 'orders' }];
    assert.equal(judgeWith({ routes: [one, other], entries }).judge(one, 'orders').kind, 'selected');
    const plain = { ...other, delivery: 'exactly-once' } as const;
    assert.equal(judgeWith({ routes: [one, plain], entries }).judge(one, 'orders').kind, 'conflict');

    const guarded = { ...merged, provenance: true, targetTopics: { create: true, shared: true } } as const;
    const there = routeOf('there', guarded);
    const back = routeOf('back', { ...guarded, source: there.target, target: there.source, selection: ALL });
    const crossed = [{ route: 'there', topic: 'accounts' }];
    assert.equal(judgeWith({ routes: [there, back], entries: crossed }).judge(back, 'accounts').kind, 'selected');
    const unmarked = routeOf('there');
    assert.equal(judgeWith({ routes: [unmarked, back], entries: crossed }).judge(back, 'accounts').kind, 'mirror');
  });

  test('a target topic has one source: what another route mirrors there, and names that would be illegal, are left', () => {
    const other = routeOf('other', { source: 'north' });
    const { judge } = judgeWith({ routes: [route, other], entries: [{ route: 'other', topic: 'orders' }] });
    assert.equal(judge(route, 'orders').kind, 'conflict');
    const prefixed = routeOf('p', { naming: { policy: 'default', separator: '.' }, selection: ALL });
    assert.equal(judge(prefixed, 'x'.repeat(246)).kind, 'conflict');
  });

  test('with targetMustExist only what the target has, by the name it has there', () => {
    const both = routeOf('b', {
      naming: { policy: 'default', separator: '.' },
      selection: { ...ALL, targetMustExist: true },
    });
    const { judge } = judgeWith({ routes: [both] });
    assert.equal(judge(both, 't', ['t']).kind, 'no-target');
    assert.equal(judge(both, 't', ['east.t']).kind, 'selected');
  });
});

describe('what is said of mirrored topics', () => {
  const stopping = routeOf('r', { selection: { ...ALL, include: ['a.*'], exclude: ['ab'], onUnmatched: 'stop' } });
  const keeping = routeOf('r', { selection: { ...ALL, include: ['a.*'], exclude: ['ab'] } });

  test('selected ones that do not match any more are copied on or stop, as the policy says; said in both cases', () => {
    const { world, book } = judgeWith({ routes: [stopping] });
    const of = (route: Route, topic: string, origin?: 'selected' | 'appeared') =>
      world.standing(route, { topic, ...(origin === undefined ? {} : { origin }) }, book.rulesOf(route.selection));
    assert.equal(of(stopping, 'a', 'selected'), undefined);
    for (const topic of ['b', 'ab']) {
      assert.equal(of(stopping, topic, 'selected')?.stops, true);
      assert.equal(of(stopping, topic, 'appeared')?.code, 'TOPIC_UNSELECTED');
      assert.equal(of(keeping, topic, 'selected')?.stops, false);
      assert.equal(of(keeping, topic), undefined, 'an operator added it');
    }
    const { selection: _, ...without } = keeping;
    assert.equal(of(without, 'b', 'selected'), undefined, 'nothing is selected any more: what was stays');
  });

  test('denied ones stop, whoever added them', () => {
    const { world, book } = judgeWith({ routes: [keeping], denials: ['r/a'], deny: ['secret'] });
    const rules = book.rulesOf(keeping.selection);
    for (const topic of ['a', 'secret', '__consumer_offsets']) {
      const standing = world.standing(keeping, { topic }, rules);
      assert.deepEqual([standing?.code, standing?.stops], ['TOPIC_DENIED', true], topic);
    }
  });
});
