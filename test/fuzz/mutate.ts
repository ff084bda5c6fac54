import type { Dice } from './dice.js';

const MAX_CHANGES = 3;
const MAX_INSERTED_BYTES = 64;
/** A stretch is repeated up to this size: what a count claims may then really be there. */
const MAX_REPEATED_BYTES = 16 * 1024;

const BYTES = [0x00, 0x01, 0x7f, 0x80, 0xfe, 0xff];
const INT16 = [0, 1, -1, -2, 0x7fff, -0x8000, 0x100];
const INT32 = [0, 1, -1, -2, -13, 0x7fff_ffff, -0x8000_0000, 0x1_0000, 0x100_0000, 0x4000_0000];
const INT64 = [0n, 1n, -1n, -2n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n, 2n ** 53n - 1n, 2n ** 32n];
/** Zigzag or unsigned: -1, 0, 1, the ends of 32 and 64 bits, and numbers that never end. */
const VARINTS = [
  '00',
  '01',
  '02',
  '03',
  '7f',
  '8001',
  'ff7f',
  'ffffff7f',
  'feffffff0f',
  'ffffffff0f',
  'ffffffff1f',
  'ffffffffffffffffff01',
  'feffffffffffffffff01',
  '80808080808080808080',
  'ffffffffffffffffffffffff',
].map((hex) => Buffer.from(hex, 'hex'));

/** What one attack writes: a length, count or number with a hostile value, in every width. */
const ATTACKS: readonly Buffer[] = [
  ...INT16.map((value) => number(2, (out) => out.writeInt16BE(value))),
  ...INT32.map((value) => number(4, (out) => out.writeInt32BE(value))),
  ...INT64.map((value) => number(8, (out) => out.writeBigInt64BE(value))),
  ...VARINTS,
];

function number(bytes: number, write: (out: Buffer) => void): Buffer {
  const out = Buffer.alloc(bytes);
  write(out);
  return out;
}

/** How many inputs `sweep` makes of a valid one: every attack at every position. */
export function sweepSize(valid: Buffer): number {
  return valid.length * ATTACKS.length;
}

/** The `step`-th of them. */
export function sweep(valid: Buffer, step: number): Buffer {
  return overwrite(valid, Math.floor(step / ATTACKS.length), ATTACKS[step % ATTACKS.length] as Buffer);
}

/** One to three changes to a valid input; `others` are valid inputs of the same kind. */
export function mutate(dice: Dice, valid: Buffer, others: readonly Buffer[]): Buffer {
  let bytes = Buffer.from(valid);
  for (let changes = 1 + dice.below(MAX_CHANGES); changes > 0; changes -= 1) bytes = change(dice, bytes, others);
  return bytes;
}

function change(dice: Dice, bytes: Buffer<ArrayBuffer>, others: readonly Buffer[]): Buffer<ArrayBuffer> {
  const at = dice.below(bytes.length + 1);
  switch (dice.below(12)) {
    case 0:
      for (let flips = 1 + dice.below(8); flips > 0 && bytes.length > 0; flips -= 1) {
        const where = dice.below(bytes.length);
        bytes[where] = (bytes[where] as number) ^ (1 << dice.below(8));
      }
      return bytes;
    case 1:
      if (at < bytes.length) bytes[at] = dice.pick(BYTES);
      return bytes;
    case 2:
      return bytes.subarray(0, at);
    case 3:
      return Buffer.concat([bytes.subarray(0, at), dice.bytes(1 + dice.below(MAX_INSERTED_BYTES)), bytes.subarray(at)]);
    case 4:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(Math.min(bytes.length, at + 1 + dice.below(16)))]);
    case 5: {
      const other = dice.pick(others);
      return Buffer.concat([bytes.subarray(0, at), other.subarray(dice.below(other.length + 1))]);
    }
    case 6: {
      const part = bytes.subarray(at, at + 1 + dice.below(64));
      const times = part.length === 0 ? 0 : dice.below(MAX_REPEATED_BYTES / part.length);
      return Buffer.concat([bytes.subarray(0, at), ...new Array<Buffer>(times).fill(part), bytes.subarray(at)]);
    }
    default:
      return overwrite(bytes, at, dice.pick(ATTACKS));
  }
}

/** The length stays as it is unless the attack reaches beyond the end. */
function overwrite(bytes: Buffer, at: number, attack: Buffer): Buffer<ArrayBuffer> {
  return Buffer.concat([bytes.subarray(0, at), attack, bytes.subarray(Math.min(bytes.length, at + attack.length))]);
}
