import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Vacancies } from '../../../controller/loop/vacancies.js';

const moving = { worker: 'a', why: 'moving' } as const;

test('what was taken off a worker is remembered until it is somewhere again, or until nobody wants it', () => {
  const vacancies = new Vacancies();
  const dropped = new Map(['r/t-0', 'r/t-1', 'r/gone-0'].map((key) => [key, moving]));
  vacancies.wrote({ dropped, added: [] });
  vacancies.keep(new Map(['r/t-0', 'r/t-1'].map((key) => [key, {}])));
  assert.deepEqual([...vacancies.entries.keys()], ['r/t-0', 'r/t-1'], 'a removed topic leaves nothing behind');
  vacancies.wrote({ dropped: new Map(), added: ['r/t-0'] });
  assert.deepEqual([...vacancies.entries], [['r/t-1', moving]]);
});
