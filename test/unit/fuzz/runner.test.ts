import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CausewayError } from '../../../common/errors/error.js';
import type { FuzzTarget } from '../../fuzz/fuzz-target.js';
import { Fuzzer, type FuzzFailure, type FuzzReport } from '../../fuzz/runner.js';

const VALID = Buffer.from('a valid input');

function target(run: FuzzTarget['run'], changes: Partial<FuzzTarget> = {}): FuzzTarget {
  return { name: 'planted/fault', weight: 1, codes: ['KAFKA_PROTOCOL'], valid: [VALID], ...changes, run };
}

/** Undamaged input passes; anything else meets the fault. */
const damagedOnly =
  (fault: (input: Buffer) => void): FuzzTarget['run'] =>
  (input) => {
    if (!input.equals(VALID)) fault(input);
  };

async function fuzz(planted: FuzzTarget, count = 50): Promise<{ report: FuzzReport; failures: FuzzFailure[] }> {
  const failures: FuzzFailure[] = [];
  const fuzzer = new Fuzzer([planted]);
  const report = await fuzzer.run({ count, seed: 7, onFailure: (failure) => failures.push(failure) });
  return { report, failures };
}

describe('the fuzzer notices', () => {
  test('an error that is not declared, with the bytes that brought it about', async () => {
    const fault = (input: Buffer): void => {
      if (input.length < VALID.length) throw new TypeError('planted');
    };
    const { report, failures } = await fuzz(target(damagedOnly(fault)), 200);
    assert.ok(report.failures > 0);
    const [first] = failures;
    assert.match(first?.what ?? '', /not a declared error: TypeError: planted/);
    assert.ok(Buffer.from(first?.hex ?? '', 'hex').length < VALID.length);
  });

  test('a code that is not declared, in an asynchronous decoder too', async () => {
    const fault = (): void => {
      throw new CausewayError('INTERNAL_INVARIANT', 'planted');
    };
    const { failures } = await fuzz(target(async (input, dice) => damagedOnly(fault)(input, dice)));
    assert.match(failures[0]?.what ?? '', /INTERNAL_INVARIANT is not declared/);
  });

  test('buffers and arrays out of proportion to the input', async () => {
    for (const allocate of [() => Buffer.alloc(1 << 20), () => new Float64Array(1 << 18)]) {
      const { failures } = await fuzz(target(damagedOnly(() => void allocate())));
      assert.match(failures[0]?.what ?? '', /^allocated \d{7} bytes for an input of/);
    }
  });

  test('memory that is kept', async () => {
    const kept: Buffer[] = [];
    const { failures } = await fuzz(
      target(() => void kept.push(Buffer.alloc(200_000, 1))),
      600,
    );
    assert.ok(failures.some(({ what }) => /live memory grew by \d+/.test(what)));
  });

  test('an exhausted stack, where range errors are declared', async () => {
    const deeper = (): number => 1 + deeper();
    const { failures } = await fuzz(
      target(
        damagedOnly(() => void deeper()),
        { alsoThrows: [RangeError] },
      ),
    );
    assert.match(failures[0]?.what ?? '', /call stack/);
  });

  test('a decoder that refuses what is in order', async () => {
    const refuse = (): void => {
      throw new CausewayError('KAFKA_PROTOCOL', 'planted');
    };
    const { failures } = await fuzz(target(refuse), 1);
    assert.match(failures[0]?.what ?? '', /^refused undamaged/);
  });

  test('nothing where nothing is wrong', async () => {
    const refuse = damagedOnly(() => {
      throw new CausewayError('KAFKA_PROTOCOL', 'declared');
    });
    const { report } = await fuzz(target(refuse), 500);
    assert.equal(report.failures, 0);
    assert.equal(report.cases, 500);
  });
});

test('a case follows from seed and number alone, and a long run attacks every position', () => {
  const planted = target(() => undefined, { swept: true });
  const order = { seed: 5, count: 10_000 };
  const inputs = Array.from({ length: order.count }, (_, i) => new Fuzzer([planted]).caseOf(i, order).input);
  assert.deepEqual(inputs[9_000], new Fuzzer([planted]).caseOf(9_000, order).input);
  assert.notDeepEqual(inputs[9_000], new Fuzzer([planted]).caseOf(9_000, { ...order, seed: 6 }).input);
  for (let at = 0; at < VALID.length; at += 1) {
    for (const byte of [0x00, 0x7f, 0x80, 0xff]) {
      assert.ok(
        inputs.some((input) => input[at] === byte),
        `byte ${at} was set to ${byte}`,
      );
    }
  }
});
