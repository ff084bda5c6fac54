import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type RangeFacts, type RangePlace, resolveRange } from '../../../../controller/core/job-ranges.js';

const FACTS: RangeFacts = { earliest: 100n, latest: 200n, atFrom: undefined, atTo: undefined };
const edge: RangePlace = { kind: 'edge' };
const offset = (value: number): RangePlace => ({ kind: 'offset', offset: BigInt(value) });
const time: RangePlace = { kind: 'time', timestampMs: 1n };

function resolved(from: RangePlace, to: RangePlace, facts: Partial<RangeFacts> = {}): string {
  const range = resolveRange({ partition: 0, from, to }, { ...FACTS, ...facts });
  return 'fault' in range ? `refused: ${range.fault}` : `[${range.from}, ${range.until})`;
}

describe('the range of a job', () => {
  test('is what there is, unless said otherwise', () => {
    assert.equal(resolved(edge, edge), '[100, 200)');
    assert.equal(resolved(offset(120), offset(130)), '[120, 130)');
    assert.equal(resolved(offset(120), edge), '[120, 200)');
    assert.equal(resolved(edge, offset(100)), '[100, 100)');
  });

  test('by time begins and ends at the first records that are not older; where there is none it is empty, or reaches to the end', () => {
    assert.equal(resolved(time, time, { atFrom: 130n, atTo: 160n }), '[130, 160)');
    assert.equal(resolved(time, time, { atFrom: 130n }), '[130, 200)');
    assert.equal(resolved(time, edge), '[200, 200)');
    assert.equal(resolved(time, time, { atFrom: 160n, atTo: 130n }), '[130, 130)', 'timestamps that do not ascend');
    assert.equal(resolved(time, time, { atFrom: 190n, atTo: 230n }), '[190, 200)', 'what may not be read yet');
  });

  test('is refused where offsets are gone, not there yet, or the wrong way round', () => {
    assert.match(
      resolved(offset(99), edge),
      /^refused: it is to begin at offset 99, and the log of the source begins at 100/,
    );
    assert.match(resolved(edge, offset(201)), /^refused: offset 201 may not be read yet: the source ends at 200/);
    assert.match(resolved(offset(201), edge), /^refused: offset 201/);
    assert.match(resolved(offset(150), offset(140)), /^refused: it is to begin at offset 150, behind its end at 140/);
  });
});
