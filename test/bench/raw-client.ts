import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

const clientId = Buffer.from('bench');

export const rawApi = { produce: [0, 7], fetch: [1, 4], listOffsets: [2, 2] } as const;

/** Writes old, fixed-width Kafka requests: enough for measuring instruments, and nothing that the mirror under test shares. */
export class RawBody {
  readonly #pieces: Buffer[] = [];
  #bytes = 0;

  int8(value: number): this {
    const piece = Buffer.allocUnsafe(1);
    piece.writeInt8(value);
    return this.raw(piece);
  }

  int16(value: number): this {
    const piece = Buffer.allocUnsafe(2);
    piece.writeInt16BE(value);
    return this.raw(piece);
  }

  int32(value: number): this {
    const piece = Buffer.allocUnsafe(4);
    piece.writeInt32BE(value);
    return this.raw(piece);
  }

  int64(value: number): this {
    const piece = Buffer.allocUnsafe(8);
    piece.writeBigInt64BE(BigInt(value));
    return this.raw(piece);
  }

  string(value: string): this {
    const bytes = Buffer.from(value);
    return this.int16(bytes.length).raw(bytes);
  }

  raw(piece: Buffer): this {
    this.#pieces.push(piece);
    this.#bytes += piece.length;
    return this;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get pieces(): readonly Buffer[] {
    return this.#pieces;
  }
}

/** One plaintext connection to one broker; answers come in the order of the requests. */
export class RawClient {
  readonly #socket: Socket;
  readonly #waiting: { resolve: (body: Buffer) => void; reject: (error: Error) => void }[] = [];
  #chunks: Buffer[] = [];
  #received = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('error', (error) => this.#fail(error));
    socket.on('close', () => this.#fail(new Error('the broker closed the connection')));
  }

  static async open(port: number): Promise<RawClient> {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    await once(socket, 'connect');
    return new RawClient(socket);
  }

  /** The answer behind the correlation id. */
  request(api: readonly [key: number, version: number], body: RawBody): Promise<Buffer> {
    const header = new RawBody()
      .int32(10 + clientId.length + body.bytes)
      .int16(api[0])
      .int16(api[1])
      .int32(1)
      .int16(clientId.length)
      .raw(clientId);
    this.#socket.cork();
    this.#socket.write(Buffer.concat(header.pieces));
    for (const piece of body.pieces) this.#socket.write(piece);
    this.#socket.uncork();
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  close(): void {
    this.#socket.destroy();
  }

  #onData(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#received += chunk.length;
    for (;;) {
      const first = this.#chunks[0];
      if (first === undefined || this.#received < 4) return;
      const sized = first.length >= 4 ? first : Buffer.concat(this.#chunks);
      const end = 4 + sized.readInt32BE(0);
      if (this.#received < end) return;
      const all = this.#chunks.length === 1 ? first : Buffer.concat(this.#chunks);
      const rest = all.subarray(end);
      this.#chunks = rest.length === 0 ? [] : [rest];
      this.#received = rest.length;
      this.#waiting.shift()?.resolve(all.subarray(8, end));
    }
  }

  #fail(error: Error): void {
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}

/** The log ends of all partitions of a topic. */
export async function logEnds(client: RawClient, topic: string, partitions: number): Promise<number[]> {
  const body = new RawBody().int32(-1).int8(0).int32(1).string(topic).int32(partitions);
  for (let partition = 0; partition < partitions; partition += 1) body.int32(partition).int64(-1);
  const answer = await client.request(rawApi.listOffsets, body);
  // throttle time, one topic: its name, then the partitions (index, error, timestamp, offset).
  let at = 8 + 2 + answer.readInt16BE(8);
  const ends: number[] = new Array(partitions).fill(0);
  for (let left = answer.readInt32BE(at), start = at + 4; left > 0; left -= 1, start += 22) {
    const error = answer.readInt16BE(start + 4);
    if (error !== 0) throw new Error(`ListOffsets of ${topic}: error ${error}`);
    ends[answer.readInt32BE(start)] = Number(answer.readBigInt64BE(start + 14));
    at = start;
  }
  return ends;
}
