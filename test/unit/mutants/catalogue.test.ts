import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { projectRoot } from '../../bed/kafka-set.js';
import { ALL_MUTANTS } from '../../mutants/catalogue.js';
import { auditOutcome, simulationOutcome, testOutcome } from '../../mutants/catching.js';
import { compiledPath, mutated } from '../../mutants/mutant.js';
import { ownBuild } from '../../mutants/mutant-build.js';

describe('faults put into a copy of the product', () => {
  test('each still fits its module, under a name of its own', () => {
    for (const mutant of ALL_MUTANTS) {
      const compiled = readFileSync(join(ownBuild(), compiledPath(mutant.file)), 'utf8');
      assert.notEqual(mutated(mutant, compiled), compiled, mutant.name);
    }
    assert.equal(new Set(ALL_MUTANTS.map(({ name }) => name)).size, ALL_MUTANTS.length);
  });

  test('each has a test that is there to notice it, or the audit, or the simulation', () => {
    for (const { name, caughtBy } of ALL_MUTANTS) {
      if (caughtBy.kind !== 'test') continue;
      const file = join(projectRoot(), caughtBy.file);
      assert.ok(existsSync(file), `${name}: ${caughtBy.file}`);
      assert.ok(readFileSync(file, 'utf8').includes(caughtBy.title), `${name}: no title with "${caughtBy.title}"`);
    }
  });

  test('a fragment that is not there, or twice, is an error: the fault would be another one', () => {
    const mutant = { name: 'm', file: 'a.ts', edits: [{ from: 'x', to: 'y' }] };
    assert.equal(mutated(mutant, 'a x b'), 'a y b');
    assert.throws(() => mutated(mutant, 'a b'), /0 times/);
    assert.throws(() => mutated(mutant, 'x x'), /2 times/);
  });
});

describe('what a catcher said', () => {
  const ended = (output: string, status = 1) => ({ status, output, timedOut: false });

  test('of a test: only the failure of the one that was meant counts', () => {
    assert.deepEqual(testOutcome(ended('  not ok 1 - 3.1 goes on\nok 2 - other'), '3.1'), {
      kind: 'failed',
      by: '3.1 goes on',
    });
    assert.equal(testOutcome(ended('ok 1 - 3.1 goes on', 0), '3.1').kind, 'passed');
    assert.equal(testOutcome(ended('not ok 1 - other'), '3.1').kind, 'unclear');
    assert.equal(testOutcome(ended('ok 1 - 3.1 goes on # SKIP'), '3.1').kind, 'unclear');
  });

  test('of the audit: the count that was meant has to be there', () => {
    assert.deepEqual(auditOutcome(ended('x\n{"missing":3}'), 'missing'), {
      kind: 'failed',
      by: 'the audit: 3 missing',
    });
    assert.equal(auditOutcome(ended('{"missing":0}', 0), 'missing').kind, 'passed');
    assert.equal(auditOutcome(ended('{"missing":0,"different":1}'), 'missing').kind, 'unclear');
    assert.equal(auditOutcome(ended('a stack'), 'missing').kind, 'unclear');
    const faults = ended('{"missing":0,"faults":["not as it should be","different in timestamp: a-0"]}');
    assert.deepEqual(auditOutcome(faults, { fault: 'different' }), {
      kind: 'failed',
      by: 'different in timestamp: a-0',
    });
    assert.equal(auditOutcome(faults, { fault: 'missing' }).kind, 'unclear');
  });

  test('of the simulation: a seed that ended in a violation, not one that could not run', () => {
    assert.equal(simulationOutcome(ended('seed 7: violation: lost', 1)).kind, 'failed');
    assert.equal(simulationOutcome(ended('10 seeds', 0)).kind, 'passed');
    assert.equal(simulationOutcome(ended('TypeError', 1)).kind, 'unclear');
  });
});
