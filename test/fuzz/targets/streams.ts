import assert from 'node:assert/strict';
import { FrameReader } from '../../../common/coordination/zookeeper/frame-reader.js';
import { FrameAssembler, MAX_RESPONSE_BYTES } from '../../../common/kafka/wire/frame-assembler.js';
import { GOLDEN_RESPONSES } from '../../unit/kafka/wire/golden-responses.js';
import type { Dice } from '../dice.js';
import type { FuzzTarget } from '../fuzz-target.js';

function framed(body: Buffer): Buffer {
  const size = Buffer.alloc(4);
  size.writeInt32BE(body.length);
  return Buffer.concat([size, body]);
}

const BODIES = Object.values(GOLDEN_RESPONSES).flatMap((versions) =>
  Object.values(versions).map((hex) => framed(Buffer.from(hex, 'hex'))),
);
const STREAMS = [0, 10, 20, 30].map((from) => Buffer.concat(BODIES.slice(from, from + 10)));

/** The stream in pieces of random size, from one byte to all of it. */
function* pieces(stream: Buffer, dice: Dice): Generator<Buffer> {
  const largest = dice.pick([1, 3, 16, 200, 5_000]);
  for (let at = 0; at < stream.length; ) {
    const size = 1 + dice.below(largest);
    yield stream.subarray(at, at + size);
    at += size;
  }
}

/** What the frames of a stream are, told without any chunking. */
function expectedFrames(stream: Buffer): number {
  let frames = 0;
  for (let at = 0; at + 4 <= stream.length; frames += 1) {
    const size = stream.readInt32BE(at);
    if (size < 4 || at + 4 + size > stream.length) return frames;
    at += 4 + size;
  }
  return frames;
}

export function streamTargets(): FuzzTarget[] {
  const assembler: FuzzTarget = {
    name: 'stream/kafka',
    weight: 30,
    codes: ['KAFKA_PROTOCOL'],
    valid: STREAMS,
    limitBytes: MAX_RESPONSE_BYTES,
    run: (input, dice) => {
      let frames = 0;
      let bytes = 0;
      const under = new FrameAssembler((frame) => {
        frames += 1;
        const at = bytes + 4;
        assert.ok(frame.equals(input.subarray(at, at + frame.length)), 'a frame is the bytes behind its size');
        bytes = at + frame.length;
      });
      const scratch = Buffer.alloc(8_192);
      for (const piece of pieces(input, dice)) {
        piece.copy(scratch);
        under.push(scratch, piece.length);
      }
      assert.equal(frames, expectedFrames(input));
    },
  };
  const zooKeeper: FuzzTarget = {
    name: 'stream/zookeeper',
    weight: 30,
    codes: [],
    // Its one caller cuts the connection over anything it throws.
    alsoThrows: [RangeError],
    valid: STREAMS,
    run: (input, dice) => {
      const reader = new FrameReader();
      let bytes = 0;
      for (const piece of pieces(input, dice)) {
        for (const frame of reader.push(Buffer.from(piece))) {
          assert.ok(frame.equals(input.subarray(bytes, bytes + frame.length)), 'frames are the stream');
          bytes += frame.length;
        }
      }
    },
  };
  return [assembler, zooKeeper];
}
