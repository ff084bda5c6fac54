import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Actor } from '../../sim/kernel/actor.js';
import { Dice } from '../../sim/kernel/dice.js';
import { Link } from '../../sim/kernel/link.js';
import { Timeline } from '../../sim/kernel/timeline.js';

const NEVER = (): boolean => false;

describe('virtual time', () => {
  test('callbacks come in the order of their time, then of their making, and promises settle in between', async () => {
    const timeline = new Timeline();
    const seen: string[] = [];
    const later = async (name: string): Promise<void> => {
      await Promise.resolve();
      await Promise.resolve();
      seen.push(`${name} settled`);
    };
    timeline.after(20, () => seen.push('20'));
    timeline.after(10, () => void later('10a'));
    timeline.after(10, () => seen.push('10b'));
    timeline.after(15, () => seen.push('15')).cancel();
    await timeline.run(1_000, NEVER);
    assert.deepEqual(seen, ['10a settled', '10b', '20']);
    assert.equal(timeline.nowMs, 1_000);
  });

  test('a process that is stopped has its turns when it goes on, in order, and late; its threads stop with it', async () => {
    const timeline = new Timeline();
    const actor = new Actor('p', timeline, new Dice(1));
    const thread = new Actor('p/0', timeline, new Dice(2), actor);
    const seen: string[] = [];
    actor.turn(10, () => seen.push(`a ${timeline.nowMs}`));
    thread.turn(11, () => seen.push(`b ${timeline.nowMs}`));
    actor.turn(12, () => seen.push('never')).cancel();
    timeline.after(5, () => actor.stop());
    timeline.after(50, () => actor.resume());
    await timeline.run(100, NEVER);
    assert.deepEqual(seen, ['a 50', 'b 50']);
    assert.equal(thread.clock.monotonicMs(), actor.clock.monotonicMs());
  });

  test('a killed process has no more turns, nor have its threads', async () => {
    const timeline = new Timeline();
    const actor = new Actor('p', timeline, new Dice(1));
    const thread = new Actor('p/0', timeline, new Dice(2), actor);
    const seen: string[] = [];
    actor.turn(10, () => seen.push('a'));
    thread.turn(10, () => seen.push('b'));
    actor.stop();
    timeline.after(5, () => actor.kill());
    timeline.after(20, () => actor.resume());
    await timeline.run(100, NEVER);
    assert.deepEqual(seen, []);
    assert.equal(thread.isAlive, false);
  });

  test('a link keeps the order; broken, a first part of what was sent arrives, and no answer', async () => {
    let lost = 0;
    for (let seed = 1; seed <= 40; seed += 1) {
      const timeline = new Timeline();
      const actor = new Actor('p', timeline, new Dice(seed));
      const link = new Link(actor, timeline, new Dice(seed));
      const arrived: number[] = [];
      let answers = 0;
      for (const number of [1, 2, 3]) {
        link.toServer(() => {
          arrived.push(number);
          link.toClient(() => {
            answers += 1;
          });
        });
      }
      timeline.after(0, () => link.sever());
      await timeline.run(60_000, NEVER);
      assert.deepEqual(arrived, [1, 2, 3].slice(0, arrived.length));
      assert.equal(answers, 0);
      if (arrived.length < 3) lost += 1;
    }
    assert.ok(lost > 0 && lost < 40, `${lost} of 40 lost something`);
  });
});
