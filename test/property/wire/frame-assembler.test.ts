import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { isCausewayError } from '../../../common/errors/error.js';
import { CHUNK_BYTES, FrameAssembler, MIN_DIRECT_BYTES } from '../../../common/kafka/wire/frame-assembler.js';

/** Around every size at which the way of reading changes. */
const THRESHOLDS = [
  4,
  5,
  MIN_DIRECT_BYTES,
  CHUNK_BYTES - 4,
  CHUNK_BYTES,
  CHUNK_BYTES + MIN_DIRECT_BYTES,
  3 * CHUNK_BYTES,
];

const sizeArbitrary = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: 4, max: 300 }) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.constantFrom(...THRESHOLDS), fc.integer({ min: -9, max: 9 }))
      .map(([size, more]) => Math.max(4, size + more)),
  },
  { weight: 1, arbitrary: fc.integer({ min: 4, max: 200_000 }) },
);

/** How much one read brings: a byte, what was just written, all there is room for. */
const readArbitrary = fc.oneof(
  fc.integer({ min: 1, max: 9 }),
  fc.integer({ min: 1, max: 20_000 }),
  fc.constantFrom(MIN_DIRECT_BYTES, CHUNK_BYTES, Number.MAX_SAFE_INTEGER),
);

function streamOf(sizes: readonly number[]): { readonly frames: Buffer[]; readonly stream: Buffer } {
  let state = 1;
  const frames = sizes.map((size) => {
    const frame = Buffer.alloc(size);
    for (let at = 0; at < size; at += 1) {
      state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
      frame[at] = state >>> 16;
    }
    return frame;
  });
  const pieces = frames.flatMap((frame) => {
    const size = Buffer.alloc(4);
    size.writeInt32BE(frame.length);
    return [size, frame];
  });
  return { frames, stream: Buffer.concat(pieces) };
}

describe('the frame assembler', () => {
  test('gives every response whole, however the stream is cut into reads', () => {
    fc.assert(
      fc.property(
        fc.array(sizeArbitrary, { minLength: 1, maxLength: 12 }),
        fc.array(readArbitrary, { minLength: 1, maxLength: 20 }),
        (sizes, reads) => {
          const { frames, stream } = streamOf(sizes);
          const got: Buffer[] = [];
          const assembler = new FrameAssembler((frame) => got.push(frame));
          let at = 0;
          for (let read = 0; at < stream.length; read += 1) {
            const space = assembler.space();
            assert.ok(space.length > 0);
            const most = reads[read % reads.length] as number;
            const length = Math.min(most, space.length, stream.length - at);
            stream.copy(space, 0, at, at + length);
            // What lies behind must not matter: the kernel may have read there before.
            space.fill(0xee, length, Math.min(space.length, length + 64));
            assembler.filled(length);
            at += length;
          }
          assert.equal(got.length, frames.length);
          for (const [index, frame] of frames.entries())
            assert.ok(frame.equals(got[index] as Buffer), `frame ${index}`);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('what is missing of a large response is read into the response itself, and no byte further', () => {
    const allocated: Buffer[] = [];
    const got: Buffer[] = [];
    const assembler = new FrameAssembler(
      (frame) => got.push(frame),
      (size) => {
        const memory = Buffer.alloc(size);
        allocated.push(memory);
        return memory;
      },
    );
    const { frames, stream } = streamOf([1_000_000]);
    stream.copy(assembler.space(), 0, 0, 100);
    assembler.filled(100);
    const space = assembler.space();
    assert.equal(space.buffer, allocated[0]?.buffer);
    assert.equal(space.byteOffset, (allocated[0]?.byteOffset ?? 0) + 96);
    assert.equal(space.length, 1_000_000 - 96);
    stream.copy(space, 0, 100);
    assembler.filled(space.length);
    assert.ok(got[0]?.equals(frames[0] as Buffer));
    assert.notEqual(assembler.space().buffer, allocated[0]?.buffer);
  });

  test('an impossible size is refused, wherever the reads cut it', () => {
    for (const bytes of ['00000003', 'ffffffff', '7fffffff', '15030100']) {
      for (const cut of [0, 1, 2, 3]) {
        const assembler = new FrameAssembler(() => assert.fail());
        const size = Buffer.from(bytes, 'hex');
        assert.throws(
          () => {
            for (const piece of [size.subarray(0, cut), size.subarray(cut)]) {
              piece.copy(assembler.space());
              assembler.filled(piece.length);
            }
          },
          (error) => isCausewayError(error, 'KAFKA_PROTOCOL'),
        );
      }
    }
  });
});
