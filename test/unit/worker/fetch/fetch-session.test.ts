import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { FetchPartition } from '../../../../common/kafka/wire/apis/fetch.js';
import { FetchSession } from '../../../../worker/fetch/fetch-session.js';

function wish(partition: number, fetchOffset: number, topicId: string | null = 'id'): FetchPartition {
  return { topic: 't', topicId, partition, fetchOffset, currentLeaderEpoch: 0, maxBytes: 100 };
}

const offsets = (partitions: readonly FetchPartition[]): [number, number][] =>
  partitions.map(({ partition, fetchOffset }) => [partition, fetchOffset]);

describe('an incremental fetch session (KIP-227)', () => {
  test('says everything once, then only what changed', () => {
    const session = new FetchSession();
    session.want('a', wish(0, 5));
    session.want('b', wish(1, 7));
    const full = session.next();
    assert.deepEqual(
      [full.sessionId, full.sessionEpoch, offsets(full.partitions)],
      [
        0,
        0,
        [
          [0, 5],
          [1, 7],
        ],
      ],
    );
    session.accepted(42);
    session.want('a', wish(0, 9));
    const increment = session.next();
    assert.deepEqual([increment.sessionId, increment.sessionEpoch, offsets(increment.partitions)], [42, 1, [[0, 9]]]);
    session.accepted(42);
    assert.deepEqual(offsets(session.next().partitions), []);
  });

  test('a partition that must wait leaves the session and comes back', () => {
    const session = new FetchSession();
    session.want('a', wish(0, 5));
    session.next();
    session.accepted(42);
    session.forget('a');
    assert.deepEqual(offsets(session.next().forgotten), [[0, 5]]);
    session.accepted(42);
    assert.deepEqual(session.next().forgotten, [], 'said once');
    session.want('a', wish(0, 6));
    assert.deepEqual(offsets(session.next().partitions), [[0, 6]]);
  });

  test('after a session error or a lost answer everything is said again, and the old session is named so that it closes', () => {
    const session = new FetchSession();
    session.want('a', wish(0, 5));
    session.next();
    session.accepted(42);
    session.restart();
    const again = session.next();
    assert.deepEqual([again.sessionId, again.sessionEpoch, offsets(again.partitions)], [42, 0, [[0, 5]]]);
  });

  test('a broker that keeps no session gets full requests for ever', () => {
    const session = new FetchSession();
    session.want('a', wish(0, 5));
    session.next();
    session.accepted(0);
    assert.deepEqual([session.next().sessionEpoch, offsets(session.next().partitions)], [0, [[0, 5]]]);
  });

  test('the offset last asked for is known, so that an answer to an older question can be told', () => {
    const session = new FetchSession();
    session.want('a', wish(0, 5));
    session.next();
    session.want('a', wish(0, 6));
    assert.equal(session.askedOffset('a'), 5);
  });
});
