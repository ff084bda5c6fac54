/** Answers above this are a broken stream, not data: 60,000 children take 2.6 MB. */
const MAX_FRAME_BYTES = 64 * 1024 * 1024;
const LENGTH_BYTES = 4;

/**
 * Cuts a byte stream into length-prefixed frames (prefix included). Replaces the library's own cutting, which copies the rest
 * of the buffer once per answer and recurses (fault Z13), and which carries half a frame over to the next connection.
 */
export class FrameReader {
  #chunks: Buffer[] = [];
  #bytes = 0;
  #wanted = LENGTH_BYTES;

  /** Frames that are complete now; throws RangeError on an impossible length. */
  push(chunk: Buffer): Buffer[] {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    const frames: Buffer[] = [];
    if (this.#bytes < this.#wanted) return frames;
    const all = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks, this.#bytes);
    let offset = 0;
    this.#wanted = LENGTH_BYTES;
    while (all.length - offset >= LENGTH_BYTES) {
      const size = LENGTH_BYTES + frameLength(all, offset);
      if (all.length - offset < size) {
        this.#wanted = size;
        break;
      }
      frames.push(all.subarray(offset, offset + size));
      offset += size;
    }
    this.#bytes = all.length - offset;
    this.#chunks = this.#bytes === 0 ? [] : [all.subarray(offset)];
    return frames;
  }

  reset(): void {
    this.#chunks = [];
    this.#bytes = 0;
    this.#wanted = LENGTH_BYTES;
  }
}

function frameLength(buffer: Buffer, offset: number): number {
  const length = buffer.readInt32BE(offset);
  if (length < 0 || length > MAX_FRAME_BYTES) throw new RangeError(`frame of ${length} bytes`);
  return length;
}
