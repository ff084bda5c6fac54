import zlib from 'node:zlib';
import { CausewayError, isCausewayError, messageOf } from '../../../errors/error.js';
import { lz4Decompress } from './lz4-frame.js';
import { snappyDecompress, snappyFrame } from './snappy-block.js';
import { zstdContentBound } from './zstd-bound.js';

/** Codecs by their number in the attributes. */
export const CODEC_NAMES = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;
export type CodecName = (typeof CODEC_NAMES)[number];

/** No batch is decompressed beyond this: 128 times a broker's default message.max.bytes. */
export const MAX_DECOMPRESSED_BYTES = 128 * 1024 * 1024;

interface ZstdCodec {
  compress(data: Buffer): Buffer;
  decompress(data: Buffer, maxBytes: number): Buffer;
}

interface BlockCompressors {
  lz4(data: Buffer): Buffer;
  snappy(data: Buffer): Buffer;
}

/** Undefined: not asked for yet. Null: this installation has none. */
let zstd: ZstdCodec | null | undefined;
let blockCompressors: BlockCompressors | null | undefined;

/** The codec of a batch's attributes. @throws BATCH_UNSUPPORTED */
export function codecOf(attributes: number): CodecName {
  const name = CODEC_NAMES[attributes & 7];
  if (name === undefined) throw new CausewayError('BATCH_UNSUPPORTED', `codec ${attributes & 7} is not known`);
  return name;
}

/**
 * Loads what the codec needs; cheap when it is there already. To be awaited once before the synchronous functions below are used with
 * that codec. Never fails: what is missing shows when it is used.
 */
export async function loadCodec(codec: CodecName): Promise<void> {
  if (codecReady(codec)) return;
  if (codec === 'zstd') zstd = zstdOfNode() ?? (await zstdOfPackage());
  else blockCompressors = await wasmCompressors();
}

/** Loads every codec. */
export async function loadCodecs(): Promise<void> {
  for (const codec of CODEC_NAMES) await loadCodec(codec);
}

/** Whether `loadCodec` has nothing left to do: the synchronous functions may be used with it at once. */
export function codecReady(codec: CodecName): boolean {
  if (codec === 'zstd') return zstd !== undefined;
  return (codec !== 'lz4' && codec !== 'snappy') || blockCompressors !== undefined;
}

/** Whether `compress` can write this codec now (after loadCodec). */
export function canCompress(codec: CodecName): boolean {
  switch (codec) {
    case 'none':
    case 'gzip':
      return true;
    case 'zstd':
      return zstd !== undefined && zstd !== null;
    case 'snappy':
    case 'lz4':
      return blockCompressors !== undefined && blockCompressors !== null;
  }
}

/** @throws BATCH_UNSUPPORTED unless `canCompress(codec)` */
export function compress(codec: CodecName, data: Buffer): Buffer {
  switch (codec) {
    case 'none':
      return data;
    case 'gzip':
      return zlib.gzipSync(data);
    case 'snappy':
      return snappyFrame(data, present(blockCompressors, codec).snappy);
    case 'lz4':
      return present(blockCompressors, codec).lz4(data);
    case 'zstd':
      return present(zstd, codec).compress(data);
  }
}

/**
 * The content of a batch's compressed records, at most `maxBytes` of it.
 * @throws BATCH_CORRUPT when it cannot be decompressed, BATCH_UNSUPPORTED when it is larger or the codec is missing here
 */
export function decompress(codec: CodecName, data: Buffer, maxBytes: number = MAX_DECOMPRESSED_BYTES): Buffer {
  switch (codec) {
    case 'none':
      return data;
    case 'snappy':
      return snappyDecompress(data, maxBytes);
    case 'lz4':
      return lz4Decompress(data, maxBytes);
    case 'gzip':
      return guarded(codec, maxBytes, () => zlib.gunzipSync(data, { maxOutputLength: maxBytes }));
    case 'zstd': {
      const codecOfZstd = present(zstd, codec);
      return guarded(codec, maxBytes, () => codecOfZstd.decompress(data, maxBytes));
    }
  }
}

function present<T>(implementation: T | null | undefined, codec: CodecName): T {
  if (implementation === undefined)
    throw new CausewayError('INTERNAL_INVARIANT', `loadCodec('${codec}') was not awaited`);
  if (implementation === null) {
    throw new CausewayError('BATCH_UNSUPPORTED', `${codec} is not available in this installation`, {
      fix:
        codec === 'zstd'
          ? 'Use Node.js 22.15 or later, or install the package @toondepauw/node-zstd.'
          : 'Reinstall Causeway’s packages.',
    });
  }
  return implementation;
}

function guarded(codec: CodecName, maxBytes: number, run: () => Buffer): Buffer {
  try {
    return run();
  } catch (error) {
    if (isCausewayError(error)) throw error;
    if ((error as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(codec, maxBytes);
    throw new CausewayError('BATCH_CORRUPT', `${codec}: ${messageOf(error)}`, { cause: error });
  }
}

function tooLarge(codec: CodecName, maxBytes: number): CausewayError {
  return new CausewayError('BATCH_UNSUPPORTED', `a ${codec} batch holds more than the limit of ${maxBytes} bytes`);
}

function zstdOfNode(): ZstdCodec | null {
  const { zstdCompressSync, zstdDecompressSync } = zlib as unknown as {
    zstdCompressSync?: (data: Buffer) => Buffer;
    zstdDecompressSync?: (data: Buffer, options: { maxOutputLength: number }) => Buffer;
  };
  if (zstdCompressSync === undefined || zstdDecompressSync === undefined) return null;
  return {
    compress: (data) => zstdCompressSync(data),
    decompress: (data, maxBytes) => zstdDecompressSync(data, { maxOutputLength: maxBytes }),
  };
}

const ZSTD_LEVEL = 3;

async function zstdOfPackage(): Promise<ZstdCodec | null> {
  try {
    const { Decoder, Encoder } = await import('@toondepauw/node-zstd');
    const encoder = new Encoder(ZSTD_LEVEL);
    const decoder = new Decoder();
    return {
      compress: (data) => encoder.encodeSync(data),
      decompress(data, maxBytes) {
        // This decoder has no limit of its own.
        if (zstdContentBound(data) > maxBytes) throw tooLarge('zstd', maxBytes);
        return decoder.decodeSync(data);
      },
    };
  } catch {
    return null;
  }
}

const EMPTY_LZ4_FRAME = Buffer.from('04224d1860408200000000', 'hex');

/** Only the compressors: they see our own bytes, while the decoders of the package trap (and leak) on damaged input. */
async function wasmCompressors(): Promise<BlockCompressors | null> {
  try {
    const { lz4Compress, snappyCompress } = await import('@platformatic/wasm-utils');
    // Its input buffer is detached once its memory has grown, which an input of no bytes does not notice.
    return { lz4: (data) => (data.length === 0 ? EMPTY_LZ4_FRAME : lz4Compress(data)), snappy: snappyCompress };
  } catch {
    return null;
  }
}
