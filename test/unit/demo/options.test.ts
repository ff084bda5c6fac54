import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseDemoOptions, UsageError } from '../../demo/options.js';

describe('the demo’s command line', () => {
  test('without options it runs until Ctrl-C, with --check for 20 s', () => {
    assert.equal(parseDemoOptions([])?.seconds, undefined);
    assert.equal(parseDemoOptions(['--check'])?.seconds, 20);
    assert.equal(parseDemoOptions(['--check', '--seconds', '7'])?.seconds, 7);
  });

  test('--kill takes one or both, in any order, once', () => {
    assert.deepEqual(parseDemoOptions(['--check', '--kill', 'worker,controller'])?.kill, ['worker', 'controller']);
    assert.deepEqual(parseDemoOptions(['--seconds', '9', '--kill', 'controller, controller'])?.kill, ['controller']);
  });

  test('--shapes all has every topic of basic and more', () => {
    const basic = parseDemoOptions(['--shapes', 'basic'])?.shapes ?? [];
    const all = parseDemoOptions(['--shapes', 'all'])?.shapes ?? [];
    assert.ok(basic.every((shape) => all.includes(shape)));
    assert.ok(all.length > basic.length);
  });

  test('usual is what it has unless said; all adds the gallery to a check, and to nothing else', () => {
    assert.deepEqual(parseDemoOptions(['--check']), parseDemoOptions(['--check', '--shapes', 'usual']));
    assert.equal(parseDemoOptions(['--check'])?.gallery, false);
    assert.equal(parseDemoOptions(['--check', '--shapes', 'all'])?.gallery, true);
    assert.equal(parseDemoOptions(['--shapes', 'all'])?.gallery, false);
  });

  test('what cannot be followed is said, not guessed', () => {
    const wrong = [
      ['--kill', 'zookeeper'],
      ['--shapes', 'x'],
      ['--seconds', '0'],
      ['--seconds', 'many'],
      ['--rate', '-1'],
      ['--chek'],
      ['more'],
    ];
    for (const args of wrong) assert.throws(() => parseDemoOptions(args), UsageError, args.join(' '));
  });

  test('a death needs a bounded run: --kill without --check or --seconds is refused', () => {
    assert.throws(() => parseDemoOptions(['--kill', 'worker']), UsageError);
  });

  test('--help gives no options', () => {
    assert.equal(parseDemoOptions(['--help']), undefined);
  });
});
