import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FAULT_KINDS, specOf } from '../../chaos/catalogue.js';
import { runChaos } from '../../chaos/main.js';
import { CHAOS_HELP, parseChaosOptions, UsageError } from '../../chaos/options.js';

const parse = (...args: string[]) => parseChaosOptions(args, 42);

describe('the command line of chaos', () => {
  test('without options: three minutes of all faults, a seed by the clock, duplicates held against it', () => {
    const options = parse();
    assert.deepEqual(options, {
      scenario: 'mixed',
      count: 10,
      partitions: 0,
      minutes: 3,
      seed: 42,
      kinds: FAULT_KINDS.filter((kind) => specOf(kind).byName !== true),
      allowDuplicates: false,
      transactional: false,
      recordsPerS: 2_500,
      planOnly: false,
      keepsLogs: false,
    });
  });

  test('minutes, seed, faults and rate are taken as given; a fault named twice counts once', () => {
    const options = parse(
      '--minutes',
      '0.5',
      '--seed',
      '7',
      '--faults',
      'kill-worker, kill-leader,kill-worker',
      '--rate',
      '9',
    );
    assert.equal(options?.minutes, 0.5);
    assert.equal(options?.seed, 7);
    assert.deepEqual(options?.kinds, ['kill-worker', 'kill-leader']);
    assert.equal(options?.recordsPerS, 9);
  });

  test('scenarios are taken by name, with how many times and how many partitions', () => {
    const options = parse('--scenario', 'zombies', '--count', '50', '--partitions', '700');
    assert.deepEqual([options?.scenario, options?.count, options?.partitions], ['zombies', 50, 700]);
    assert.throws(() => parse('--scenario', 'ghosts'), UsageError);
  });

  test('with --allow-duplicates faults that need the fence are left out, unless they are named', () => {
    const usual = parse('--allow-duplicates')?.kinds ?? [];
    assert.ok(usual.length > 0 && usual.length < FAULT_KINDS.length);
    assert.ok(usual.every((kind) => specOf(kind).needsFence !== true));
    assert.deepEqual(parse('--allow-duplicates', '--faults', 'late-batches')?.kinds, ['late-batches']);
  });

  test('what cannot be followed is said, not guessed', () => {
    const wrong = [
      ['--minutes', '0'],
      ['--minutes', ''],
      ['--minutes', 'many'],
      ['--minutes', '1e9'],
      ['--seed', '-1'],
      ['--seed', '1.5'],
      ['--faults', 'kill-everybody'],
      ['--faults', ''],
      ['--faults', 'kill-worker,'],
      ['--rate', '0'],
      ['--mintes', '3'],
      ['3'],
    ];
    for (const args of wrong) assert.throws(() => parseChaosOptions(args, 1), UsageError, args.join(' '));
  });

  test('every fault is in the help', () => {
    for (const kind of FAULT_KINDS) assert.match(CHAOS_HELP, new RegExp(`^  ${kind} +\\S`, 'm'));
  });

  test('a wrong command line, --help and --plan start nothing', async (t) => {
    const written: string[] = [];
    const collect = (chunk: string | Uint8Array): boolean => {
      written.push(String(chunk));
      return true;
    };
    t.mock.method(process.stdout, 'write', collect);
    t.mock.method(process.stderr, 'write', collect);
    const prepare = t.mock.fn(async () => undefined);
    const statuses = [];
    for (const args of [['--seed', 'x'], ['--help'], ['--plan', '--seed', '3']])
      statuses.push(await runChaos(args, prepare));
    t.mock.restoreAll();
    assert.deepEqual(statuses, [64, 0, 0]);
    assert.equal(prepare.mock.callCount(), 0);
    assert.match(written[0] ?? '', /--seed must be/);
    assert.match(written[2] ?? '', /^seed 3\n +\d+\.\d s to/);
  });
});
