import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { checkConfigText } from '../../../common/config/load.js';
import { FULL_CONFIG } from '../../unit/config/sample.js';

const RUNS = 300;
const lines = FULL_CONFIG.split('\n').length;

interface Edit {
  readonly at: number;
  readonly cut: number;
  readonly insert: string;
}

const edit: fc.Arbitrary<Edit> = fc.record({
  at: fc.nat(FULL_CONFIG.length),
  cut: fc.nat(12),
  insert: fc.oneof(
    fc.string({ maxLength: 8 }),
    fc.constantFrom(
      '${',
      `\${X}`,
      '$${',
      '\n',
      '  ',
      ': ',
      '- ',
      '{',
      ']',
      '*a',
      '&a ',
      '!!x ',
      '"',
      '__proto__: 1\n',
      'null',
      '1e999',
      '\u0000',
    ),
  ),
});

function edited(edits: readonly Edit[]): string {
  return edits.reduce((text, { at, cut, insert }) => text.slice(0, at) + insert + text.slice(at + cut), FULL_CONFIG);
}

describe('a damaged configuration', () => {
  test('is accepted or refused with faults that lie in the file; it never throws', () => {
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
        const text = edited(edits);
        const outcome = checkConfigText(text, 'c.yaml', { environment: { X: 'x' } });
        if (outcome.ok) return;
        assert.ok(outcome.faults.length > 0);
        for (const { line, column, message } of outcome.faults) {
          assert.ok(
            line >= 1 && line <= lines + 8 && column >= 1 && message !== '',
            JSON.stringify({ line, column, message }),
          );
        }
      }),
      { numRuns: RUNS },
    );
  });
});
