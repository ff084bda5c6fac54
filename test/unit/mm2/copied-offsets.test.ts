import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClusterClient } from '../../../common/kafka/wire/cluster-client.js';
import { Writer } from '../../../common/kafka/wire/writer.js';
import { systemClock } from '../../../common/runtime/clock.js';
import { readCopiedOffsets } from '../../../controller/mm2/copied-offsets.js';

/** A cluster with an empty offsets topic, whose MirrorMaker 2 has these states when its group is looked at. */
function clusterWith(...states: readonly string[]): { readonly client: ClusterClient; readonly looks: () => number } {
  let looks = 0;
  const connection = {
    requireVersion: () => 4,
    throttledMs: 0,
    throttle: () => undefined,
    request: () => {
      const writer = new Writer(true).int32(0);
      writer.int16(0).array([states[looks] ?? 'Dead'], (state) => {
        writer.string('east-mm2').string('connect').string(state).tags();
      });
      looks += 1;
      return Promise.resolve(Buffer.concat(writer.tags().toBuffers()));
    },
  };
  const client = {
    cluster: { name: 'west', requestTimeoutMs: 1_000 },
    clock: systemClock,
    metadata: () =>
      Promise.resolve({ brokers: new Map([[0, {}]]), topics: new Map([['o', { errorCode: 0, partitions: [] }]]) }),
    connection: () => Promise.resolve(connection),
  };
  return { client: client as unknown as ClusterClient, looks: () => looks };
}

test('a MirrorMaker 2 that stops or starts while its positions are read counts as running: they may be behind', async () => {
  const wish = { topic: 'o', alias: 'east', signal: new AbortController().signal };
  const cases = [
    [['Empty', 'Empty'], false],
    [['Stable', 'Empty'], true],
    [['Empty', 'PreparingRebalance'], true],
  ] as const;
  for (const [states, isRunning] of cases) {
    const { client, looks } = clusterWith(...states);
    assert.equal((await readCopiedOffsets(client, wish)).isRunning, isRunning, states.join());
    assert.equal(looks(), 2);
  }
});
