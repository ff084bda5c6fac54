import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PauseMeter, Stretches } from '../../chaos/meters.js';

const ends = (entries: Readonly<Record<string, number>>) => new Map(Object.entries(entries));

describe('the longest pause', () => {
  test('is of the partition that had something to copy and got nothing, from then until it got something', () => {
    const meter = new PauseMeter();
    meter.saw(0, ends({ 'a-0': 10, 'b-0': 10 }), ends({ 'a-0': 10, 'b-0': 10 }));
    meter.saw(100, ends({ 'a-0': 20, 'b-0': 20 }), ends({ 'a-0': 10, 'b-0': 20 }));
    meter.saw(200, ends({ 'a-0': 30, 'b-0': 30 }), ends({ 'a-0': 10, 'b-0': 30 }));
    meter.saw(500, ends({ 'a-0': 40, 'b-0': 40 }), ends({ 'a-0': 11, 'b-0': 40 }));
    meter.saw(600, ends({ 'a-0': 50, 'b-0': 50 }), ends({ 'a-0': 50, 'b-0': 50 }));
    assert.deepEqual(meter.longest, { ms: 400, partition: 'a-0', untilMs: 500 });
  });

  test('a source that is silent makes no pause', () => {
    const meter = new PauseMeter();
    for (const atMs of [0, 1_000, 60_000]) meter.saw(atMs, ends({ 'a-0': 10 }), ends({ 'a-0': 8 }));
    assert.equal(meter.longest.ms, 0);
  });

  test('one that lasts still counts as long as it has lasted', () => {
    const meter = new PauseMeter();
    meter.saw(0, ends({ 'a-0': 1 }), ends({ 'a-0': 1 }));
    meter.saw(50, ends({ 'a-0': 2 }), ends({ 'a-0': 1 }));
    meter.saw(3_050, ends({ 'a-0': 2 }), ends({ 'a-0': 1 }));
    assert.equal(meter.longest.ms, 3_000);
  });

  test('a partition that cannot be seen for a moment is not judged for it', () => {
    const meter = new PauseMeter();
    meter.saw(0, ends({ 'a-0': 1 }), ends({ 'a-0': 1 }));
    meter.saw(100, ends({ 'a-0': 5 }), ends({}));
    meter.saw(9_000, ends({ 'a-0': 9 }), ends({ 'a-0': 9 }));
    assert.equal(meter.longest.ms, 0);
  });
});

describe('stretches of missing records', () => {
  test('neighbours are one stretch, in whatever order they come; a repeat changes nothing', () => {
    const stretches = new Stretches();
    for (const offset of [12, 10, 11, 40, 11]) stretches.add('a-0', offset);
    stretches.add('b-1', 13);
    assert.deepEqual(stretches.list(), ['a-0 [10..12]', 'a-0 [40..40]', 'b-1 [13..13]']);
  });
});
