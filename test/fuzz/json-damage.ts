import { gzipSync } from 'node:zlib';
import type { Dice } from './dice.js';
import { mutate } from './mutate.js';

const HOSTILE: readonly unknown[] = [
  null,
  true,
  -1,
  0.5,
  1e308,
  2 ** 53,
  '',
  '-1',
  '9'.repeat(40),
  '0-99999',
  '0-99999,0-99999,0-99999',
  '5-1',
  '\u0000\ud800',
  'x'.repeat(5_000),
  [],
  {},
  [[[[[[]]]]]],
  { v: 1 },
  { constructor: { prototype: 1 } },
];

/** A valid JSON record with one to three values replaced, removed, repeated or moved; or damaged as bytes; perhaps gzipped. */
export function damageJson(dice: Dice, valid: Buffer, prefix = ''): Buffer {
  if (dice.oneIn(4)) return mutate(dice, valid, [valid]);
  const root = { value: JSON.parse(valid.toString().slice(prefix.length)) as unknown };
  for (let changes = 1 + dice.below(3); changes > 0; changes -= 1) changeOne(dice, root);
  const json = Buffer.from(prefix + JSON.stringify(root.value ?? null));
  if (prefix !== '' || dice.oneIn(2)) return json;
  const zipped = gzipSync(json);
  return dice.oneIn(4) ? mutate(dice, zipped, [zipped]) : zipped;
}

function changeOne(dice: Dice, root: { value: unknown }): void {
  let holder: Record<string, unknown> = root;
  let key = 'value';
  for (;;) {
    const inside = holder[key];
    if (typeof inside !== 'object' || inside === null || dice.oneIn(4)) break;
    const keys = Object.keys(inside);
    if (keys.length === 0) break;
    holder = inside as Record<string, unknown>;
    key = dice.pick(keys);
  }
  switch (dice.below(5)) {
    case 0:
      delete holder[key];
      return;
    case 1:
      if (Array.isArray(holder)) holder.push(...new Array<unknown>(dice.below(200)).fill(holder[Number(key)]));
      return;
    case 2:
      holder['__proto__x'] = holder[key];
      return;
    default:
      // A copy: later changes go into it.
      holder[key] = structuredClone(dice.pick(HOSTILE));
  }
}
