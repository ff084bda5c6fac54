import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { WriterLog } from '../../audit/writers.js';

describe('who wrote to a log', () => {
  test('a batch of an older epoch behind its producer’s marker is found; other producers go on undisturbed', () => {
    const log = new WriterLog();
    log.saw(7n, 0, false);
    log.saw(7n, 1, true);
    log.saw(8n, 0, false);
    assert.deepEqual(log.traces.get(7n), { batches: 1, markers: 1, behindMarker: 0, markerEpoch: 1 });
    log.saw(7n, 0, false);
    assert.equal(log.traces.get(7n)?.behindMarker, 1);
    assert.equal(log.traces.get(8n)?.behindMarker, 0);
  });

  test('a renewal’s marker of the lane’s own epoch is nobody’s end; a second marker counts; no producer is nobody', () => {
    const log = new WriterLog();
    log.saw(7n, 3, true);
    log.saw(7n, 3, false);
    log.saw(7n, 4, true);
    log.saw(7n, 4, true);
    log.saw(-1n, -1, false);
    assert.deepEqual(log.traces.get(7n), { batches: 1, markers: 3, behindMarker: 0, markerEpoch: 4 });
    assert.equal(log.traces.has(-1n), false);
  });
});
