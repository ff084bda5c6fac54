import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { WorkerOrder } from '../../../common/model/orders.js';
import type { LiveWorker } from '../../../common/model/worker.js';
import { poolsOf, type RosterInput, rosterOf } from '../../../controller/core/roster.js';
import { routeOf } from './kit.js';

function live(worker: string, says: Partial<LiveWorker> = {}): LiveWorker {
  const base = {
    incarnation: `${worker}1`,
    zone: '',
    capacity: 1,
    http: '',
    version: '',
    startedAt: '',
    leaving: false,
  };
  return { worker, ...base, ...says };
}

const order = (worker: string, says: Partial<WorkerOrder>): [string, WorkerOrder] => [
  worker,
  { worker, reason: '', at: '', ...says },
];

function roster(present: readonly LiveWorker[], input: Partial<RosterInput> = {}) {
  return rosterOf({
    present,
    orders: new Map(),
    unreadable: new Set(),
    holding: new Set(),
    maxActiveWorkers: 0,
    isFrozen: false,
    ...input,
  });
}

const accepting = (...args: Parameters<typeof roster>) => [...roster(...args).accepting.keys()];

describe('who works', () => {
  const three = ['a', 'b', 'c'].map((worker) => live(worker));

  test('everybody, unless something else is ordered', () => {
    assert.deepEqual(accepting(three), ['a', 'b', 'c']);
  });

  test('a drained one does not; an excluded one keeps what it has and gets nothing', () => {
    const orders = new Map([order('a', { role: 'drained' }), order('b', { role: 'excluded' })]);
    const { accepting: chosen, keeping } = roster(three, { orders });
    assert.deepEqual([[...chosen.keys()], [...keeping]], [['c'], ['b']]);
  });

  test('one whose order cannot be read keeps what it has', () => {
    const { accepting: chosen, keeping } = roster(three, { unreadable: new Set(['a']) });
    assert.deepEqual([[...chosen.keys()], [...keeping]], [['b', 'c'], ['a']]);
  });

  test('standbys only where nobody else is there; an order wins over what the worker says of itself', () => {
    const standby = live('s', { standby: true });
    assert.deepEqual(accepting([...three, standby]), ['a', 'b', 'c']);
    assert.deepEqual(accepting([standby]), ['s']);
    assert.deepEqual(accepting([...three, standby], { orders: new Map([order('s', { role: 'active' })]) }), [
      'a',
      'b',
      'c',
      's',
    ]);
  });

  test('with a number of workers: those that work go on, active ones come before standbys, one that goes is replaced', () => {
    const fleet = [...three, live('s', { standby: true })];
    assert.deepEqual(accepting(fleet, { maxActiveWorkers: 2 }), ['a', 'b']);
    assert.deepEqual(accepting(fleet, { maxActiveWorkers: 2, holding: new Set(['b', 'c']) }), ['b', 'c']);
    assert.deepEqual(accepting(fleet.slice(2), { maxActiveWorkers: 2, holding: new Set(['b', 'c']) }), ['c', 's']);
    assert.deepEqual(accepting(fleet, { maxActiveWorkers: 9 }), ['a', 'b', 'c', 's']);
  });

  test('where orders leave nobody to copy, they are not followed', () => {
    const orders = new Map([order('a', { role: 'drained' }), order('b', { role: 'excluded' })]);
    const { accepting: chosen, keeping } = roster([live('a'), live('b')], { orders });
    assert.deepEqual([[...chosen.keys()], [...keeping]], [['a', 'b'], []]);
  });
});

describe('which workers a route is for', () => {
  const pools = (present: readonly LiveWorker[], routes: Parameters<typeof poolsOf>[0], zone?: string) =>
    Object.fromEntries(
      [...poolsOf(routes, roster(present), () => zone)].map(([route, pool]) => [route, [pool.reason, ...pool.workers]]),
    );
  const east = live('e', { zone: 'east' });
  const west = live('w', { zone: 'west' });

  test('any, where nothing is said', () => {
    assert.deepEqual(pools([east, west], [routeOf('r')]), {});
  });

  test('those near the target, or where the route says; any others while none of these is there', () => {
    assert.deepEqual(pools([east, west], [routeOf('r')], 'west'), { r: ['zone', 'w'] });
    assert.deepEqual(pools([east, west], [routeOf('r', { zones: ['east', 'north'] })], 'west'), { r: ['zone', 'e'] });
    assert.deepEqual(pools([east], [routeOf('r')], 'west'), {});
  });

  test('dedicated ones, which copy nothing else', () => {
    const own = live('d', { routes: ['r'] });
    assert.deepEqual(pools([east, west, own], [routeOf('r'), routeOf('s')]), {
      r: ['dedicated', 'd'],
      s: ['dedicated', 'e', 'w'],
    });
  });

  test('dedicated ones beyond the zone; all others where the dedicated ones are gone; dedicated ones rather than none', () => {
    const own = live('d', { routes: ['r'], zone: 'east' });
    assert.deepEqual(pools([west, own], [routeOf('r')], 'west'), { r: ['dedicated', 'd'] });
    assert.deepEqual(pools([east, west], [routeOf('r')]), {});
    assert.deepEqual(pools([own], [routeOf('s')]), {});
  });
});
