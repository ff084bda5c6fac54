import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LoadedCheckpoint } from '../../../../common/kafka/checkpoints/checkpoint-store.js';
import type { CheckpointPlace } from '../../../../common/model/checkpoint.js';
import { partitionKey } from '../../../../common/model/topic-partition.js';
import { systemClock } from '../../../../common/runtime/clock.js';
import { GatheredCheckpoints, placeKey } from '../../../../controller/offsets/gathered-checkpoints.js';

const NOTHING: LoadedCheckpoint = { kind: 'none' };

function gathered() {
  const asked: { readonly transactional: boolean; readonly places: readonly CheckpointPlace[] }[] = [];
  const answer = (transactional: boolean) => (places: readonly CheckpointPlace[]) => {
    asked.push({ transactional, places: [...places] });
    const all = places.map(({ targetTopic, partition }) => [partitionKey(targetTopic, partition), NOTHING] as const);
    return Promise.resolve(new Map(all));
  };
  const store = { load: answer(false), loadTransactional: answer(true) };
  return { asked, reader: new GatheredCheckpoints(store, systemClock) };
}

const place = (targetTopic: string, partition: number, source?: string): CheckpointPlace => {
  return { route: 'r', targetTopic, partition, timeline: 1, ...(source === undefined ? {} : { source }) };
};

test('topics of a route that are asked about together are one question; another route’s are another', async () => {
  const { asked, reader } = gathered();
  const [one] = await Promise.all([
    reader.load('r', false, [place('a', 0)]),
    reader.load('r', false, [place('b', 0), place('b', 1)]),
    reader.load('other', false, [place('a', 0)]),
    reader.load('r', true, [place('c', 0)]),
  ]);
  assert.deepEqual(asked.map(({ transactional, places }) => [transactional, places.length]).sort(), [
    [false, 1],
    [false, 3],
    [true, 1],
  ]);
  assert.deepEqual(one?.get(placeKey(place('b', 1))), NOTHING);
});

test('sources that share a target partition are asked about apart, and told apart', async () => {
  const { asked, reader } = gathered();
  const [first, second] = [place('a', 0, 'a/0'), place('a', 0, 'a/1')];
  const loaded = await reader.load('r', true, [first, second]);
  assert.equal(asked.length, 2);
  assert.equal(loaded.size, 2);
  assert.ok(loaded.has(placeKey(first)) && loaded.has(placeKey(second)));
});
