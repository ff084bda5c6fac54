import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { explore, type Model, Steps } from '../../model/explorer.js';

interface Counter {
  value: number;
}

/** Counts up by one or two, and may fall into `trap`, from which nothing leads away. */
function counter(options: { readonly top: number; readonly bad?: number; readonly trap?: number }): Model<Counter> {
  return {
    name: 'counter',
    initial: () => ({ value: 0 }),
    steps: (state) => {
      const steps = new Steps(state);
      if (state.value === options.trap) return steps.list;
      for (const by of [1, 2]) {
        if (state.value + by > options.top) continue;
        steps.can(`add ${by}`, (next) => {
          next.value += by;
        });
      }
      return steps.list;
    },
    wrong: ({ value }) => (value === options.bad ? `${value} is bad` : undefined),
    isDone: ({ value }) => value === options.top,
  };
}

describe('explorer', () => {
  test('visits every state once and says how far the farthest is', () => {
    assert.deepEqual(explore(counter({ top: 9 })), { model: 'counter', states: 10, transitions: 17, depth: 5 });
  });

  test('finds the shortest way to a bad state', () => {
    const { counterexample } = explore(counter({ top: 9, bad: 5 }));
    assert.equal(counterexample?.problem, '5 is bad');
    assert.equal(counterexample.steps.length, 3);
  });

  test('a bad beginning is found too', () => {
    assert.deepEqual(explore(counter({ top: 3, bad: 0 })).counterexample, { problem: '0 is bad', steps: [] });
  });

  test('a state from which no good end can be reached is a counterexample', () => {
    const { counterexample } = explore(counter({ top: 9, trap: 4 }));
    assert.equal(counterexample?.problem, 'no good end can be reached any more');
    assert.deepEqual(counterexample.steps.length, 2);
  });

  test('an end that needs a fault counts as out of reach', () => {
    const model: Model<Counter> = {
      ...counter({ top: 1 }),
      steps: (state) => {
        const steps = new Steps(state);
        if (state.value === 0) steps.fault('by chance', (next) => void next.value++);
        return steps.list;
      },
    };
    assert.deepEqual(explore(model).counterexample?.steps, []);
  });

  test('states that differ in names alone are one where the model says so', () => {
    const model: Model<Counter> = { ...counter({ top: 9 }), canonical: ({ value }) => `${Math.min(value, 8)}` };
    assert.equal(explore({ ...model, isDone: ({ value }) => value >= 8 }).states, 9);
  });

  test('a change works on a copy', () => {
    const state = { deep: { list: [1] } };
    const steps = new Steps(state);
    steps.can('push', (next) => void next.deep.list.push(2));
    assert.deepEqual(state, { deep: { list: [1] } });
    assert.deepEqual(steps.list[0]?.state, { deep: { list: [1, 2] } });
  });

  test('more states than allowed is an error, not a verdict', () => {
    assert.throws(() => explore(counter({ top: 100 }), 50), /counter: more than 50 states/);
  });
});
