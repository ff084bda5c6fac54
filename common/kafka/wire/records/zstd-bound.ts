import { CausewayError } from '../../../errors/error.js';

/**
 * What zstd frames (RFC 8878) can hold at most, from their block headers alone. Needed in front of decoders that allocate whatever the
 * input asks for.
 */
const FRAME_MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;
const MAX_BLOCK_BYTES = 128 * 1024;
const RAW_BLOCK = 0;
const RLE_BLOCK = 1;
const COMPRESSED_BLOCK = 2;
const DICTIONARY_ID_BYTES = [0, 1, 2, 4];
const CONTENT_SIZE_BYTES = [0, 2, 4, 8];

/** @throws BATCH_CORRUPT when the frames are not well formed */
export function zstdContentBound(input: Buffer): number {
  let at = 0;
  let bound = 0;
  while (at < input.length) {
    need(input, at, 8);
    const magic = input.readUInt32LE(at);
    if ((magic & 0xffff_fff0) === SKIPPABLE_MAGIC) {
      at += 8 + input.readUInt32LE(at + 4);
      continue;
    }
    if (magic !== FRAME_MAGIC) throw corrupt('the frame’s magic number is missing');
    const descriptor = input[at + 4] as number;
    at += 4 + headerBytes(descriptor);
    for (let last = false; !last; ) {
      need(input, at, 3);
      const header = input.readUIntLE(at, 3);
      const kind = (header >> 1) & 3;
      const size = header >> 3;
      last = (header & 1) === 1;
      if (kind > COMPRESSED_BLOCK || size > MAX_BLOCK_BYTES) throw corrupt('a block has a reserved type or size');
      bound += kind === RAW_BLOCK || kind === RLE_BLOCK ? size : MAX_BLOCK_BYTES;
      at += 3 + (kind === RLE_BLOCK ? 1 : size);
    }
    at += (descriptor & 0x04) === 0 ? 0 : 4;
    if (at > input.length) throw corrupt('the frame is cut off');
  }
  return bound;
}

/** Descriptor byte, window, dictionary id and content size. */
function headerBytes(descriptor: number): number {
  const singleSegment = (descriptor & 0x20) !== 0;
  const sizeFlag = descriptor >> 6;
  const sizeBytes = sizeFlag === 0 && singleSegment ? 1 : (CONTENT_SIZE_BYTES[sizeFlag] as number);
  return 1 + (singleSegment ? 0 : 1) + (DICTIONARY_ID_BYTES[descriptor & 3] as number) + sizeBytes;
}

function need(input: Buffer, at: number, bytes: number): void {
  if (at + bytes > input.length) throw corrupt('the frame is cut off');
}

function corrupt(what: string): CausewayError {
  return new CausewayError('BATCH_CORRUPT', `zstd: ${what}`);
}
