import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parse } from 'yaml';
import { reportFailure } from '../../../cli/failure.js';
import { confirm, formatTable, printResult, type Result } from '../../../cli/output.js';
import { CausewayError, isCausewayError } from '../../../common/errors/error.js';
import { FakeTerminal } from './fake-terminal.js';

const result: Result = {
  value: [
    { name: 'a', lag: 5 },
    { name: 'bcd', lag: 1234 },
  ],
  columns: ['NAME', 'LAG'],
  rows: [
    ['a', '5'],
    ['bcd', '1234'],
  ],
};

function printed(format: 'table' | 'json' | 'yaml' | 'name'): string {
  const terminal = new FakeTerminal();
  printResult(terminal, format, result);
  assert.equal(terminal.stderr, '');
  return terminal.stdout;
}

describe('output', () => {
  test('a table has aligned columns, numbers to the right', () => {
    assert.equal(printed('table'), 'NAME   LAG\na        5\nbcd   1234\n');
  });

  test('json and yaml print the value, name one name a line', () => {
    assert.deepEqual(JSON.parse(printed('json')), result.value);
    assert.deepEqual(parse(printed('yaml')), result.value);
    assert.equal(printed('name'), 'a\nbcd\n');
  });

  test('an empty table says so on stderr and leaves stdout empty', () => {
    const terminal = new FakeTerminal();
    printResult(terminal, 'table', { value: [], columns: ['NAME'], rows: [], empty: 'nothing here' });
    assert.deepEqual([terminal.stdout, terminal.stderr], ['', 'nothing here\n']);
  });

  test('control characters of names do not reach the terminal', () => {
    assert.equal(formatTable(['N'], [['\u001b[31mred\n\u009b']]), 'N\n?[31mred??\n');
    const terminal = new FakeTerminal();
    reportFailure(terminal, new CausewayError('KAFKA_ERROR', 'bad \u001b[2J name'), false);
    assert.ok(!terminal.stderr.includes('\u001b'));
  });
});

describe('failures', () => {
  test('print code, message, place and fix without a stack, and exit 1', () => {
    const terminal = new FakeTerminal();
    const error = new CausewayError('TOPIC_UNKNOWN', 'not mirrored', { place: { topic: 't' }, fix: 'Add it.' });
    assert.equal(reportFailure(terminal, error, false), 1);
    assert.equal(terminal.stderr, 'TOPIC_UNKNOWN: not mirrored (topic t)\n  Add it.\n');
    assert.equal(terminal.stdout, '');
  });

  test('have the stack with --debug, 2 for usage, 70 for bugs', () => {
    const terminal = new FakeTerminal();
    assert.equal(reportFailure(terminal, new CausewayError('USAGE', 'no'), true), 2);
    assert.match(terminal.stderr, /at /);
    assert.equal(reportFailure(terminal, new TypeError('x'), false), 70);
  });
});

describe('confirmation', () => {
  const refused = (error: unknown): boolean => isCausewayError(error, 'USAGE');

  test('--yes needs no question', () => confirm(new FakeTerminal(), 'sure?', true));

  test('off a terminal --yes is required', () => assert.rejects(confirm(new FakeTerminal(), 'sure?', false), refused));

  test('on a terminal only yes is yes', async () => {
    await confirm(new FakeTerminal('y'), 'sure?', false);
    await confirm(new FakeTerminal('YES'), 'sure?', false);
    await assert.rejects(confirm(new FakeTerminal(''), 'sure?', false), refused);
    await assert.rejects(confirm(new FakeTerminal('yess'), 'sure?', false), refused);
  });
});
