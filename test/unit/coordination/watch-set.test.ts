import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_WATCHED_PATHS, WatchSet } from '../../../common/coordination/zookeeper/watch-set.js';

test('the server is asked once for what somebody watches, and for nothing else', () => {
  const watches = new WatchSet('/root');
  watches.hold('/root/a');
  watches.hold('/root/a');
  watches.hold('/root/b');
  assert.deepEqual(watches.takeMissing(), ['/root/a', '/root/b']);
  assert.deepEqual(watches.takeMissing(), []);
  watches.hold('/root/c');
  assert.deepEqual(watches.takeMissing(), ['/root/c']);
});

test('a watch is taken back with its last holder, and asked for anew with the next', () => {
  const watches = new WatchSet('/root');
  watches.hold('/root/a');
  watches.hold('/root/a');
  watches.takeMissing();
  assert.equal(watches.release('/root/a'), false, 'somebody still watches');
  assert.equal(watches.release('/root/a'), true);
  watches.hold('/root/a');
  assert.deepEqual(watches.takeMissing(), ['/root/a']);
});

test('a watch that the server was never asked for need not be taken back', () => {
  const watches = new WatchSet('/root');
  watches.hold('/root/a');
  assert.equal(watches.release('/root/a'), false);
  assert.deepEqual(watches.takeMissing(), []);
});

test('a new connection is asked for everything again', () => {
  const watches = new WatchSet('/root');
  for (const name of ['a', 'b']) watches.hold(`/root/${name}`);
  watches.takeMissing();
  watches.forgetAsked();
  assert.deepEqual(watches.takeMissing(), ['/root/a', '/root/b']);
});

test('Z5: beyond the limit one watch on the root stands for all, and stays', () => {
  const watches = new WatchSet('/root');
  for (let i = 0; i < MAX_WATCHED_PATHS; i++) watches.hold(`/root/${i}`);
  assert.equal(watches.takeMissing().length, MAX_WATCHED_PATHS);
  watches.hold('/root/more');
  assert.deepEqual(watches.takeMissing(), ['/root']);
  watches.hold('/root');
  assert.equal(watches.release('/root'), false, 'the others still need it');
  assert.equal(watches.release('/root/3'), false);
  watches.forgetAsked();
  assert.deepEqual(watches.takeMissing(), ['/root']);
});
