import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { partitionMap } from '../../../../common/kafka/offset-maps/joined-runs.js';
import { MapIndex } from '../../../../common/kafka/offset-maps/map-index.js';
import { translate } from '../../../../common/model/offset-map-lookup.js';
import {
  encodeMapKey,
  encodeMapValue,
  FIRST_OF_TIMELINE,
  type MapEntry,
  type MapPlace,
} from '../../../../common/model/offset-map-record.js';

const place = (partition: number, targetTopicId = 'a'): MapPlace => {
  return {
    route: 'r',
    topic: 't',
    partition,
    targetTopicId,
    targetTopic: 't',
    targetPartition: partition,
    timeline: 1,
  };
};

/** Every other record of a log, `count` of them from `from` on. */
function holes(from: number, count: number): MapEntry[] {
  return Array.from({ length: count }, (_, i) => {
    return { source: 2 * (from + i), target: from + i, length: 1, targetLength: 1, lost: false };
  });
}

function record(of: MapPlace, entries: readonly MapEntry[], link: number) {
  return { key: encodeMapKey(of, entries[0] as MapEntry), value: encodeMapValue({ link, entries }) };
}

describe('what a controller keeps of a map topic', () => {
  test('runs of a partition gather from its records, and nobody else’s', () => {
    const index = new MapIndex({ unreadable: assert.fail });
    index.take(0, record(place(0), holes(0, 10), FIRST_OF_TIMELINE));
    index.take(0, record(place(1), holes(0, 3), FIRST_OF_TIMELINE));
    index.take(0, record(place(0), holes(10, 10), 10));
    assert.equal(index.of(place(0))?.table.length, 20);
    assert.deepEqual(index.of(place(0))?.lost, []);
    assert.equal(index.of(place(1))?.table.length, 3);
    assert.equal(index.of({ ...place(0), timeline: 2 }), undefined);
  });

  test('a target topic made anew begins with nothing', () => {
    const index = new MapIndex({ unreadable: assert.fail });
    index.take(0, record(place(0), holes(0, 10), FIRST_OF_TIMELINE));
    index.take(0, record(place(0, 'b'), holes(0, 2), FIRST_OF_TIMELINE));
    assert.equal(index.of(place(0))?.table.length, 2);
  });

  test('a map that is removed from the topic is forgotten, another topic’s by the same name is not', () => {
    const index = new MapIndex({ unreadable: assert.fail });
    index.take(0, record(place(0), holes(0, 5), FIRST_OF_TIMELINE));
    index.take(0, record(place(1), holes(0, 5), FIRST_OF_TIMELINE));
    index.take(0, { key: record(place(0), holes(0, 5), -1).key, value: null });
    index.take(0, { key: record(place(1, 'former'), holes(0, 5), -1).key, value: null });
    assert.equal(index.of(place(0)), undefined);
    assert.equal(index.of(place(1))?.table.length, 5);
  });

  test('records that cannot be read are told and leave the others alone', () => {
    const told: string[] = [];
    const index = new MapIndex({ unreadable: (reason) => told.push(reason) });
    index.take(0, record(place(0), holes(0, 5), FIRST_OF_TIMELINE));
    index.take(0, { key: Buffer.from('nonsense'), value: Buffer.from('x') });
    index.take(0, { key: record(place(0), holes(5, 5), 5).key, value: Buffer.from([9]) });
    assert.equal(told.length, 2);
    assert.equal(index.of(place(0))?.table.length, 5);
  });

  test('beyond its bound the oldest runs of the largest map go, and their stretch is unknown with the reason', () => {
    const index = new MapIndex({ maxRuns: 3_000, unreadable: assert.fail });
    index.take(0, record(place(1), holes(0, 10), FIRST_OF_TIMELINE));
    for (let at = 0; at < 10_000; at += 500) {
      index.take(0, record(place(0), holes(at, 500), at === 0 ? FIRST_OF_TIMELINE : at));
    }
    const runs = index.of(place(0));
    assert.ok(runs !== undefined && runs.table.length < 3_000 && runs.table.length > 500, String(runs?.table.length));
    const map = partitionMap(1, runs, undefined);
    assert.ok(map !== undefined);
    const old = translate(map, 4n);
    assert.match(old.kind === 'unknown' ? old.reason : old.kind, /more runs than a controller keeps/);
    assert.deepEqual(translate(map, 19_998n), { kind: 'exact', offset: 9_999n });
    assert.equal(index.of(place(1))?.table.length, 10, 'the small one stays whole');
  });

  test('a part of the topic that has to be read anew is forgotten, the others stay', () => {
    const index = new MapIndex({ unreadable: assert.fail });
    index.take(0, record(place(0), holes(0, 5), FIRST_OF_TIMELINE));
    index.take(1, record(place(1), holes(0, 5), FIRST_OF_TIMELINE));
    index.clear(0);
    assert.equal(index.of(place(0)), undefined);
    assert.equal(index.size, 1);
  });
});
