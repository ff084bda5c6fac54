import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Slots } from '../../../common/runtime/slots.js';

test('no more works run at once than there are places, in the order they came, and a failure frees its place', async () => {
  const slots = new Slots(2);
  const begun: number[] = [];
  const ends: { readonly resolve: () => void; readonly reject: (error: Error) => void }[] = [];
  const works = [0, 1, 2, 3].map((number) =>
    slots.run(() => {
      begun.push(number);
      return new Promise<void>((resolve, reject) => ends.push({ resolve, reject }));
    }),
  );
  const outcome = Promise.allSettled(works);
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  await turn();
  assert.deepEqual(begun, [0, 1]);
  ends[1]?.reject(new Error('no'));
  await turn();
  assert.deepEqual(begun, [0, 1, 2]);
  ends[0]?.resolve();
  await turn();
  assert.deepEqual(begun, [0, 1, 2, 3]);
  for (const { resolve } of ends) resolve();
  assert.deepEqual(
    (await outcome).map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled', 'fulfilled'],
  );
});
