import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PartitionRuns } from '../../../common/kafka/offset-maps/partition-runs.js';
import type { DecodedRecord } from '../../../common/kafka/wire/records/record-codec.js';
import type { PartitionMap } from '../../../common/model/offset-map.js';
import { translate } from '../../../common/model/offset-map-lookup.js';
import { decodeMapValue, encodeMapValue } from '../../../common/model/offset-map-record.js';
import type { CommonPoint } from '../../../common/model/recovery.js';
import { invertedChains } from '../../../controller/core/recovery-map.js';
import type { ClusterLens } from '../../../controller/recovery/cluster-lens.js';
import { wholeMap } from '../../../controller/recovery/crossed.js';
import { routeOf } from './kit.js';

const NO_SIGNAL = new AbortController().signal;

/** Two logs of `t`-0, by cluster; each record is its offset and its value. */
function lensOn(logs: Readonly<Record<string, readonly (readonly [offset: bigint, value: string])[]>>): ClusterLens {
  const unused = (): Promise<never> => Promise.reject(new Error('not asked for here'));
  return {
    ends: unused,
    starts: unused,
    checkpoints: unused,
    close: () => Promise.resolve(),
    scan: (cluster, { from, until, visit }) => {
      const records = (logs[cluster] ?? []).filter(
        ([offset]) => offset >= from && (until === undefined || offset < until),
      );
      visit(
        records.map(([offset, value]): DecodedRecord => {
          return { offset, timestamp: 0n, key: null, value: Buffer.from(value), headers: [] };
        }),
      );
      return Promise.resolve({ next: 0n, logStart: 0n, end: 0n });
    },
  };
}

describe('what was copied behind the last checkpoint of a fenced owner', () => {
  const route = routeOf('r');
  const known: PartitionMap = {
    timeline: 1,
    runs: [{ source: 0n, target: 0n, length: 1_000n }],
    head: { source: 1_000n, target: 1_000n },
  };
  const point: CommonPoint = {
    ...{ topic: 't', targetTopic: 't', partition: 0, sourceTopicId: null, targetTopicId: null },
    ...{ source: 1_060n, pairTarget: 1_000n, target: 1_050n, exact: true },
  };
  /** At the source 1000 to 1059, of which a marker or two are no records; at the target without holes. */
  const crossed = Array.from({ length: 50 }, (_, i) => [BigInt(i < 20 ? 1_000 + i : 1_010 + i), `v${i}`] as const);
  const copies = crossed.map(([, value], i) => [BigInt(1_000 + i), value] as const);

  const inverseOf = ({ runs, lost }: Pick<PartitionMap, 'runs' | 'lost'>): PartitionMap => {
    const index = new PartitionRuns(null);
    for (const chain of invertedChains({ runs, ...(lost && { lost }) }, { source: 1_050n, target: 1_100n })) {
      index.add(decodeMapValue(encodeMapValue(chain)));
    }
    return { timeline: 1, runs: index.table, lost: index.lost, head: { source: 1_050n, target: 1_100n } };
  };

  test('leads back to its originals, not past them', async () => {
    const lens = lensOn({ [route.source]: crossed, [route.target]: copies });
    const inverse = inverseOf(await wholeMap(lens, { route, known, point, signal: NO_SIGNAL }));
    for (const [i, [offset]] of crossed.entries()) {
      assert.deepEqual(translate(inverse, BigInt(1_000 + i)), { kind: 'exact', offset });
    }
    assert.deepEqual(translate(inverse, 990n), { kind: 'exact', offset: 990n });
    assert.deepEqual(translate(inverse, 1_050n), { kind: 'head', offset: 1_100n, behind: 0n });
  });

  test('is not known where the old source does not have it any more: nobody is moved past it', async () => {
    const lens = lensOn({ [route.source]: crossed.slice(0, 30), [route.target]: copies });
    const inverse = inverseOf(await wholeMap(lens, { route, known, point, signal: NO_SIGNAL }));
    assert.equal(translate(inverse, 1_020n).kind, 'unknown');
    assert.deepEqual(translate(inverse, 999n), { kind: 'exact', offset: 999n });
  });

  test('is not looked for where the map reaches the common point', async () => {
    const lens = lensOn({});
    const settled = { ...point, source: 1_000n, target: 1_000n };
    const whole = await wholeMap(lens, { route, known, point: settled, signal: NO_SIGNAL });
    assert.deepEqual(whole.runs, known.runs);
  });
});
