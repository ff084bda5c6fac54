import type { ProxyPiece } from './tcp-proxy.js';

/** What a frame is. */
export interface FrameKind {
  /** Kafka's API key or ZooKeeper's op code; of an answer: of the request that it answers. */
  readonly api: number;
  /** Kafka's API version; 0 in dialects without versions. */
  readonly version: number;
}

/** What a proxy must know of a protocol to damage it in a way that means something. Frames begin with their length, an INT32. */
export interface Dialect {
  /** To be asked about every frame once, in the order of its connection. undefined: an answer to nothing, or too short to be anything. */
  classify(piece: ProxyPiece): FrameKind | undefined;
  /** What is forwarded where nothing is to go wrong: addresses, for instance, that lead past the proxy are changed. */
  rewrite(piece: ProxyPiece, kind: FrameKind): Buffer;
  /** The answer as if the server had failed with `code`; undefined where that cannot be said in it. */
  withError(frame: Buffer, kind: FrameKind, code: number): Buffer | undefined;
  /** The frame with one bit of its payload (never of its structure) changed; undefined where it has none. */
  flipped(frame: Buffer, piece: ProxyPiece, kind: FrameKind): Buffer | undefined;
  /** The connection is gone: forget it. */
  ended(connection: number): void;
}

const LENGTH_BYTES = 4;

/** A piece of a frame to be replaced. */
export interface Splice {
  readonly at: number;
  readonly removedBytes: number;
  readonly inserted: Buffer;
}

/** A copy with the splices made (given in order, not overlapping), its length corrected. */
export function spliced(frame: Buffer, splices: readonly Splice[]): Buffer {
  const pieces: Buffer[] = [];
  let from = 0;
  for (const { at, removedBytes, inserted } of splices) {
    pieces.push(frame.subarray(from, at), inserted);
    from = at + removedBytes;
  }
  const copy = Buffer.concat([...pieces, frame.subarray(from)]);
  copy.writeInt32BE(copy.length - LENGTH_BYTES, 0);
  return copy;
}

/** A copy with the lowest bit of the byte at `at` changed. */
export function withFlippedBit(frame: Buffer, at: number): Buffer {
  const copy = Buffer.from(frame);
  copy[at] = (copy[at] as number) ^ 1;
  return copy;
}
