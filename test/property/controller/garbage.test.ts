import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ANY_VERSION } from '../../../common/coordination/ports.js';
import { decodeTopicProgress } from '../../../common/coordination/records/desired.js';
import {
  assignmentPath,
  EPOCH,
  FLEET,
  LEADER,
  livePath,
  progressPath,
  reportPath,
  routePath,
  topicPath,
} from '../../../common/coordination/znodes.js';
import { ControllerKit, until } from '../../unit/controller/kit.js';

/** How long the leader gets to do something foolish: several of its full compares. */
const OBSERVED_MS = 600;

const kinds = {
  route: routePath('r'),
  topic: topicPath('r', 't'),
  progress: progressPath('r', 't'),
  assignment: assignmentPath('a'),
  report: reportPath('a'),
  live: livePath('a'),
  epoch: EPOCH,
  fleet: FLEET,
  leader: LEADER,
  exclusion: '/exclusions/r/t',
  order: '/workers/a',
  freeze: '/orders/freeze',
  controller: '/controllers/c1',
} as const;

/** Bytes that are no record, and records that say nothing sensible: other versions, other types, other shapes, the empty node. */
const garbage = fc.oneof(
  fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes)),
  fc.constant(Buffer.alloc(0)),
  fc.constant(Buffer.from([0x1f, 0x8b, 8, 0])),
  fc.json({ maxDepth: 2 }).map((text) => Buffer.from(text)),
  fc.dictionary(fc.string({ maxLength: 8 }), fc.jsonValue({ maxDepth: 1 }), { maxKeys: 4 }).map((fields) => {
    return Buffer.from(JSON.stringify({ ...fields, v: 1 }));
  }),
  fc.integer({ min: 2, max: 99 }).map((version) => Buffer.from(JSON.stringify({ v: version }))),
);

test('A15: garbage in any one node empties no assignment, and the controller goes on', {
  timeout: 120_000,
}, async () => {
  const failures: unknown[] = [];
  const onFailure = (error: unknown): void => void failures.push(error);
  process.on('unhandledRejection', onFailure);
  try {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...Object.keys(kinds)), garbage, async (kind, bytes) => {
        const kit = await ControllerKit.open();
        try {
          kit.kafka.addTopic('east', 't', 4);
          const { client } = await kit.controller();
          await until(async () => (await client.status()).leader !== null);
          for (const id of ['a', 'b']) await kit.worker(id);
          await client.addTopic('r', { topic: 't' });
          await kit.balanced(4);
          await until(async () => {
            const node = await kit.store.get(progressPath('r', 't'));
            return node !== undefined && decodeTopicProgress(node.data, '').started.length === 4;
          });
          const path = kinds[kind as keyof typeof kinds];
          const seen = [...kit.workers.values()].map(({ history }) => history.length);
          if ((await kit.store.get(path)) === undefined) await kit.store.create(path, bytes);
          else await kit.store.set(path, bytes, ANY_VERSION);
          await new Promise((resolve) => setTimeout(resolve, OBSERVED_MS));
          const later = [...kit.workers.values()].flatMap(({ history }, i) => history.slice(seen[i]));
          assert.ok(
            later.every(({ items }) => items.some(({ state }) => state === 'own')),
            `${kind}: emptied`,
          );
          assert.equal(Object.values(kit.held()).flat().length, 4, `${kind}: everything is still held`);
          // REST answers, whatever is in there.
          await client.status();
        } finally {
          await kit.close();
        }
      }),
      { numRuns: 30 },
    );
  } finally {
    process.off('unhandledRejection', onFailure);
  }
  assert.deepEqual(failures, []);
});
