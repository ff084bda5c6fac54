import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { inspect } from 'node:util';
import { gzipSync } from 'node:zlib';
import {
  decodeAssignment,
  encodeAssignment,
  MAX_ASSIGNMENT_PART_BYTES,
} from '../../../../common/coordination/records/assignment.js';
import { decodeReport, encodeReport } from '../../../../common/coordination/records/worker.js';
import type { AssignmentItem, WorkerAssignment } from '../../../../common/model/assignment.js';
import { DEFAULT_CONTINUITY } from '../../../../common/model/continuity.js';
import type { Route } from '../../../../common/model/route.js';
import { DEFAULT_TOPIC_SYNC } from '../../../../common/model/topic-sync.js';
import { ownedItem } from '../../model/samples.js';

const route: Route = {
  name: 'r',
  source: 'a',
  target: 'b',
  naming: { policy: 'identity' },
  delivery: 'at-least-once',
  start: 'earliest',
  isolation: 'read_committed',
  targetTopics: { create: true, replicationFactor: 3 },
  compression: 'source',
  onRefusedRecord: 'pause',
  continuity: DEFAULT_CONTINUITY,
  limits: {},
  topicSync: DEFAULT_TOPIC_SYNC,
};

function assignment(items: readonly AssignmentItem[]): WorkerAssignment {
  return { worker: 'w', incarnation: 'i', epoch: 3, generation: 9, routes: [route], items, limits: [] };
}

const sorted = (items: readonly AssignmentItem[]): string[] =>
  items.map((i) => inspect(i, { sorted: true, depth: 5, breakLength: Number.POSITIVE_INFINITY })).sort();

describe('assignment nodes, format 1', () => {
  test('items of every kind survive, and the routes with them', () => {
    const items = [
      ownedItem('t', 0),
      ownedItem('t', 1),
      ownedItem('t', 2, { state: 'revoke' }),
      ownedItem('t', 30, { startOffset: 5n, until: 900n }),
      ownedItem('t', 31, { startOffset: 5n, until: 901n }),
      ownedItem('t', 3, { paused: true }),
      ownedItem('t', 4, { started: false, start: 'beginning' }),
      ownedItem('t', 9, { started: false, startOffset: 9_007_199_254_740_991n }),
      ownedItem('t', 10, { started: false, startOffset: 5n }),
      ownedItem('t', 5, { timeline: 2, origin: { cause: 'source-truncated', from: 90n, former: 1 } }),
      ownedItem('t', 6, { timeline: 2, origin: { cause: 'operator', from: 'start', former: 1 } }),
      ownedItem('t', 7, { resolve: { action: 'continue', at: 'now' } }),
      ownedItem('t', 8, { paused: true, hold: { code: 'SOURCE_RECREATED', message: 'it was' } }),
      ownedItem('u', 0, { sourceTopicId: 'some-id', timeline: 7, targetTopic: 'a.u' }),
    ];
    const decoded = decodeAssignment(encodeAssignment(assignment(items)), '/x');
    assert.deepEqual(sorted(decoded.items), sorted(items));
    assert.deepEqual(decoded.routes, [route]);
    assert.deepEqual([decoded.worker, decoded.incarnation, decoded.epoch, decoded.generation], ['w', 'i', 3, 9]);
  });

  test('100,000 partitions of 12,000 topics go into parts below the limit, and come back', () => {
    const items = Array.from({ length: 12_000 }, (_, t) =>
      Array.from({ length: 8 }, (_unused, p) => ownedItem(`topic-${t}-of-many`, p)),
    ).flat();
    const parts = encodeAssignment(assignment(items));
    assert.ok(parts.length > 1);
    for (const part of parts) assert.ok(part.length < MAX_ASSIGNMENT_PART_BYTES);
    assert.equal(decodeAssignment(parts, '/x').items.length, items.length);
    assert.throws(() => decodeAssignment(parts.slice(1), '/x'), { code: 'NODE_CORRUPT' });
    assert.throws(() => decodeAssignment(parts.slice(0, 1), '/x'), { code: 'NODE_CORRUPT' });
  });

  test('fields a later version adds are ignored; another format version and garbage are refused', () => {
    const json = {
      v: 1,
      worker: 'w',
      incarnation: 'i',
      epoch: 1,
      generation: 1,
      part: 0,
      parts: 1,
      routes: [],
      groups: [],
      later: true,
    };
    assert.equal(decodeAssignment([gzipSync(JSON.stringify(json))], '/x').items.length, 0);
    for (const bad of [
      gzipSync(JSON.stringify({ ...json, v: 2 })),
      Buffer.from('garbage'),
      Buffer.alloc(0),
      gzipSync('[]'),
    ]) {
      assert.throws(() => decodeAssignment([bad], '/x'), { code: 'NODE_CORRUPT' });
    }
  });
});

test('a report tells everything held, grouped by topic', () => {
  const ref = (topic: string, partition: number) => ({ route: 'r', topic, partition });
  const report = {
    worker: 'w',
    incarnation: 'i',
    epoch: 1,
    generation: 2,
    held: [ref('t', 0), ref('t', 1), ref('u', 5)],
    doubtful: [ref('u', 6)],
    started: [
      { ...ref('t', 0), timeline: 1 },
      { ...ref('t', 1), timeline: 4 },
    ],
  };
  assert.deepEqual(decodeReport(encodeReport(report), '/x'), report);
  const breaks = [{ ...ref('t', 1), timeline: 1, cause: 'source-truncated' as const, from: 90n }];
  assert.deepEqual(decodeReport(encodeReport({ ...report, breaks }), '/x'), { ...report, breaks });
  const finished = [ref('u', 5)];
  assert.deepEqual(decodeReport(encodeReport({ ...report, finished }), '/x'), { ...report, finished });
});
