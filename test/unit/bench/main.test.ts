import assert from 'node:assert/strict';
import { test } from 'node:test';
import { benches } from '../../bench/catalogue.js';
import { Flags, UsageError } from '../../bench/flags.js';
import { benchCommand } from '../../bench/main.js';

test('an unknown benchmark, flag, value or folder is refused before anything starts', () => {
  const refused = (argv: readonly string[], message: RegExp) => {
    assert.throws(
      () => benchCommand(argv),
      (error) => error instanceof UsageError && message.test(error.message),
    );
  };
  refused(['mirrors'], /no bench "mirrors"[\s\S]*mirror /);
  refused(['mirror', '--case', 'x'], /--cases: which/);
  refused(['mirror', '--json', '/no/such/folder/x.json'], /there is no folder/);
  refused(['all', '--rounds', '2'], /npm run bench -- all/);
});

test('every benchmark says how long it takes, under five minutes', () => {
  for (const { name, minutes } of benches) assert.ok(minutes > 0 && minutes < 5, name);
});

test('the first benchmark is the default', () => {
  assert.equal(benchCommand(['--json', '/tmp/x.json']).needsOpenssl, false);
  assert.equal(benches[0]?.name, 'mirror');
});

test('flags are whole numbers within bounds, or values that are known', () => {
  const flags = new Flags({ rounds: '3', sizes: '1KB,100B', window: '0', kinds: '1,64', quick: true });
  assert.equal(flags.integer('rounds', 5), 3);
  assert.equal(flags.integer('missing', 5), undefined);
  assert.deepEqual(flags.list('sizes', ['100B', '1KB']), ['100B', '1KB']);
  assert.deepEqual(flags.integers('kinds', 100), [1, 64]);
  assert.equal(flags.quick, true);
  assert.throws(() => flags.integer('rounds', 2), /--rounds: a whole number from 1 to 2, not "3"/);
  assert.throws(() => flags.integer('window', 2), UsageError);
  assert.throws(() => flags.list('sizes', ['100B']), /no "1KB"; known: 100B/);
  assert.throws(() => flags.one('rounds', ['a', 'b']), /a or b, not "3"/);
});
