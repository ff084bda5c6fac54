import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_WATCHED_PATHS, WatchSet } from '../../../common/coordination/zookeeper/watch-set.js';

test('the server is asked once for what somebody watches, and for nothing else', () => {
  const watches = new WatchSet('/fleet');
  watches.hold('/fleet/a');
  watches.hold('/fleet/a');
  watches.hold('/fleet/b');
  assert.deepEqual(watches.takeMissing(), ['/fleet/a', '/fleet/b']);
  assert.deepEqual(watches.takeMissing(), []);
  watches.hold('/fleet/c');
  assert.deepEqual(watches.takeMissing(), ['/fleet/c']);
});

test('a watch is taken back with its last holder, and asked for anew with the next', () => {
  const watches = new WatchSet('/fleet');
  watches.hold('/fleet/a');
  watches.hold('/fleet/a');
  watches.takeMissing();
  assert.equal(watches.release('/fleet/a'), false, 'somebody still watches');
  assert.equal(watches.release('/fleet/a'), true);
  watches.hold('/fleet/a');
  assert.deepEqual(watches.takeMissing(), ['/fleet/a']);
});

test('a watch that the server was never asked for need not be taken back', () => {
  const watches = new WatchSet('/fleet');
  watches.hold('/fleet/a');
  assert.equal(watches.release('/fleet/a'), false);
  assert.deepEqual(watches.takeMissing(), []);
});

test('a new connection is asked for everything again', () => {
  const watches = new WatchSet('/fleet');
  for (const name of ['a', 'b']) watches.hold(`/fleet/${name}`);
  watches.takeMissing();
  watches.forgetAsked();
  assert.deepEqual(watches.takeMissing(), ['/fleet/a', '/fleet/b']);
});

test('Z5: beyond the limit one watch on the root stands for all, and stays', () => {
  const watches = new WatchSet('/fleet');
  for (let i = 0; i < MAX_WATCHED_PATHS; i++) watches.hold(`/fleet/${i}`);
  assert.equal(watches.takeMissing().length, MAX_WATCHED_PATHS);
  watches.hold('/fleet/more');
  assert.deepEqual(watches.takeMissing(), ['/fleet']);
  watches.hold('/fleet');
  assert.equal(watches.release('/fleet'), false, 'the others still need it');
  assert.equal(watches.release('/fleet/3'), false);
  watches.forgetAsked();
  assert.deepEqual(watches.takeMissing(), ['/fleet']);
});
