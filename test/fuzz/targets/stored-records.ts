import assert from 'node:assert/strict';
import { gunzipSync } from 'node:zlib';
import {
  decodeBatch,
  encodeBatch,
  encodeSnapshotHead,
  frameOf,
  readFrame,
} from '../../../common/coordination/embedded/journal-format.js';
import {
  assignmentParts,
  decodeAssignment,
  encodeAssignment,
} from '../../../common/coordination/records/assignment.js';
import {
  decodeController,
  decodeEpoch,
  decodeFleet,
  encodeController,
  encodeEpoch,
  encodeFleet,
} from '../../../common/coordination/records/control.js';
import {
  decodeRoute,
  decodeTopicEntry,
  decodeTopicProgress,
  encodeRoute,
  encodeTopicProgress,
} from '../../../common/coordination/records/desired.js';
import { decodeJob, encodeJob } from '../../../common/coordination/records/job.js';
import {
  decodeLane,
  decodeLiveWorker,
  decodeReport,
  encodeLane,
  encodeLiveWorker,
  encodeReport,
} from '../../../common/coordination/records/worker.js';
import { decodeCheckpoint, encodeCheckpointMetadata } from '../../../common/model/checkpoint.js';
import type { Dice } from '../dice.js';
import type { FuzzTarget } from '../fuzz-target.js';
import { damageJson } from '../json-damage.js';
import { mutate } from '../mutate.js';
import { ASSIGNMENT, CHECKPOINT, JOB, LANE, LIVE, PROGRESS, REPORT, ROUTE } from '../stored-samples.js';

const PATH = '/fuzz';
const TOPIC_ENTRY = '{"v":1,"route":"r","topic":"t","partitions":"all","paused":false,"addedAt":"2026-01-01"}';
const CODES = ['NODE_CORRUPT'] as const;
/** A node's own limit on what it inflates to. */
const INFLATED_BYTES = 64 * 1024 * 1024;

type Decode = (data: Buffer, path: string) => unknown;

function recordTarget(name: string, valid: Buffer, decode: Decode): FuzzTarget {
  const plain = valid.readUInt16BE(0) === 0x1f8b ? gunzipSync(valid) : valid;
  return {
    name: `store/${name}`,
    weight: 8,
    codes: CODES,
    valid: [plain],
    limitBytes: INFLATED_BYTES,
    damage: (dice, bytes) => damageJson(dice, bytes),
    run: (input) => void decode(input, PATH),
  };
}

function checkpointTarget(): FuzzTarget {
  return {
    name: 'store/checkpoint',
    weight: 10,
    codes: CODES,
    valid: [Buffer.from(encodeCheckpointMetadata(CHECKPOINT))],
    damage: (dice, bytes) => damageJson(dice, bytes, '1:'),
    run: (input) => void decodeCheckpoint(5n, input.toString('utf8')),
  };
}

/** A journal of the embedded store: whole frames are read, the rest is told as torn or corrupt. */
function journalTarget(): FuzzTarget {
  const effects = [
    { type: 'put', path: '/routes/r', version: 3, createdAt: 7n, data: Buffer.from('{"v":1}') },
    { type: 'remove', path: '/workers/w' },
  ] as const;
  const batch = encodeBatch({ transaction: 9n, effects });
  const journal = Buffer.concat([frameOf(encodeSnapshotHead(8n, 2)), frameOf(batch), frameOf(batch)]);
  return {
    name: 'store/journal',
    weight: 12,
    codes: CODES,
    // What the store's files make NODE_CORRUPT of.
    alsoThrows: [RangeError],
    valid: [journal],
    damage: (dice, bytes) => (dice.oneIn(3) ? mutate(dice, bytes, [bytes]) : frameOf(payloadOf(dice, batch))),
    run: (input) => {
      for (let offset = 0; offset < input.length; ) {
        const frame = readFrame(input, offset);
        if (frame.kind !== 'whole') return;
        assert.ok(frame.end > offset, 'frames end behind where they began');
        offset = frame.end;
        if (frame.payload.length > 12) decodeBatch(frame.payload);
      }
    },
  };
}

/** Damage behind a right checksum, never too short for a frame. */
function payloadOf(dice: Dice, batch: Buffer): Buffer {
  const damaged = mutate(dice, batch, [batch]);
  return damaged.length < 12 ? batch : damaged;
}

export function storedRecordTargets(): FuzzTarget[] {
  const [assignment] = encodeAssignment(ASSIGNMENT);
  return [
    recordTarget('fleet', encodeFleet({ fleetId: 'f', createdAt: '2026-01-01' }), decodeFleet),
    recordTarget('epoch', encodeEpoch({ epoch: 4 }), decodeEpoch),
    recordTarget(
      'controller',
      encodeController({ controller: 'c', http: 'http://h:1', epoch: 2, startedAt: '2026-01-01' }),
      decodeController,
    ),
    recordTarget('route', encodeRoute(ROUTE), decodeRoute),
    recordTarget('topic-entry', Buffer.from(TOPIC_ENTRY), decodeTopicEntry),
    recordTarget('topic-progress', encodeTopicProgress(PROGRESS), decodeTopicProgress),
    recordTarget('job', encodeJob(JOB), decodeJob),
    recordTarget('live-worker', encodeLiveWorker(LIVE), decodeLiveWorker),
    recordTarget('lane', encodeLane(LANE), decodeLane),
    recordTarget('report', encodeReport(REPORT), decodeReport),
    recordTarget('assignment', assignment as Buffer, (data, path) => {
      assignmentParts(data, path);
      return decodeAssignment([data], path);
    }),
    checkpointTarget(),
    journalTarget(),
  ];
}
