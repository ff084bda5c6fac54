import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { topicsOf } from '../../../cli/commands/job-range.js';
import { isCausewayError } from '../../../common/errors/error.js';

const all = { from: 'beginning', to: 'end' };

describe('what a job copies, as the command line says it', () => {
  test('topics with their target topics, and partitions where not all are meant', () => {
    assert.deepEqual(topicsOf(['orders=replay.orders', 'a.b_c-d:0,12=x'], all), [
      { topic: 'orders', targetTopic: 'replay.orders', from: 'beginning', to: 'end' },
      { topic: 'a.b_c-d', targetTopic: 'x', partitions: [0, 12], from: 'beginning', to: 'end' },
    ]);
  });

  test('places are the ends, offsets, and times with their zone', () => {
    const [wish] = topicsOf(['a=b'], { from: '1200', to: '2026-03-01T10:00:00+01:00' });
    assert.deepEqual([wish?.from, wish?.to], [{ offset: '1200' }, { timestamp: '2026-03-01T09:00:00.000Z' }]);
  });

  test('anything else is refused with the form it should have', () => {
    const refused = (topics: string[], range = all): void =>
      assert.throws(
        () => topicsOf(topics, range),
        (error) => isCausewayError(error, 'USAGE'),
      );
    for (const text of ['orders', '=b', 'a=', 'a:=b', 'a:x=b', 'a:1,=b', 'a=b=c']) refused([text]);
    for (const from of ['', 'end', 'yesterday', '-5', '2026-13-45T00:00:00Z', '2026-03-01', '1969-12-31T23:59:59.999Z'])
      refused(['a=b'], { ...all, from });
  });
});
