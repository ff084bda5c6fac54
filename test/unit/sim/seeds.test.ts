import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runSeed } from '../../sim/run-seed.js';

/** `npm run sim -- --seeds 10000` runs more of them. */
const SEEDS = 40;
const MAIN = fileURLToPath(new URL('../../sim/main.js', import.meta.url));

describe('the simulation', () => {
  test('a seed is one world: run again, also after others, it goes the same way turn by turn', async () => {
    const first = await runSeed(7);
    const other = await runSeed(9);
    const again = await runSeed(7);
    assert.equal(again.hash, first.hash);
    assert.equal(again.turns, first.turns);
    assert.notEqual(other.hash, first.hash);
  });

  test('a trace shows what the hash is of, and changes nothing', async () => {
    const plain = await runSeed(3);
    const told = await runSeed(3, { trace: true });
    assert.equal(told.hash, plain.hash);
    assert.equal(plain.trace.length, 0);
    assert.ok(told.trace.some((line) => line.includes('leader.elected')));
  });

  test(`${SEEDS} seeds: every record once and in order, no partition in two nodes, all is well in the end`, () => {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [MAIN, '--seeds', String(SEEDS), '--processes', '2'],
      {
        encoding: 'utf8',
      },
    );
    assert.equal(status, 0, stdout + stderr);
    assert.match(stdout, new RegExp(`^${SEEDS} seeds from 1 on: nothing was wrong`, 'm'));
  });

  test('what cannot be meant on the command line is refused', () => {
    for (const args of [['--seeds', '0'], ['--trace'], ['--from', 'x'], ['--wrong']]) {
      const { status } = spawnSync(process.execPath, [MAIN, ...args], { encoding: 'utf8' });
      assert.notEqual(status, 0, args.join(' '));
    }
  });
});
