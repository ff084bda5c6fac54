import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { copyingFleet } from '../copying-fleet.js';

const LAST_DATE_MS = 8_640_000_000_000_000;

describe('times of a job’s range', () => {
  test('are from 1970 on and dates, or told with a pointer; one that has not come yet is told so', async () => {
    const { kit, httpAddress } = await copyingFleet();
    const order = async (from: unknown, to: unknown = 'end') => {
      const topics = [{ topic: 't', targetTopic: 'copy', from, to }];
      const response = await fetch(`${httpAddress}/api/v1/jobs`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ source: 'east', target: 'west', topics }),
      });
      const problem = (await response.json()) as { detail?: string; errors?: { pointer: string; detail: string }[] };
      return { status: response.status, detail: problem.detail ?? '', errors: problem.errors ?? [] };
    };
    try {
      // -1 and -2 would ask for the end and the beginning.
      const none = ['1969-12-31T23:59:59.999Z', '1969-12-31T23:59:59.998Z', '1970-01-01T00:59:59.999+01:00'];
      for (const timestamp of [9e15, LAST_DATE_MS + 1, -1, 0.5, ...none, '0001-01-01T00:00:00Z', 'yesterday']) {
        for (const [place, answer] of [
          ['from', await order({ timestamp })],
          ['to', await order('beginning', { timestamp })],
        ] as const) {
          const pointers = answer.errors.map(({ pointer }) => pointer);
          assert.equal(answer.status, 400, `${timestamp}: ${JSON.stringify(answer)}`);
          assert.ok(pointers[0]?.startsWith(`/topics/0/${place}`), `${timestamp}: ${pointers.join()}`);
        }
      }
      assert.deepEqual((await order({ timestamp: none[0] })).errors, [
        { pointer: '/topics/0/from/timestamp', detail: 'it is before 1970' },
      ]);
      for (const timestamp of [LAST_DATE_MS, '9999-12-31T23:59:59.999Z']) {
        const { status, detail } = await order({ timestamp });
        assert.equal(status, 422, String(timestamp));
        assert.match(detail, /has not come yet/);
      }
    } finally {
      await kit.close();
    }
  });
});
