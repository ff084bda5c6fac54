import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

const apiKeyListOffsets = 2;
const apiVersion = 2;
const latest = -1n;
// UNKNOWN_TOPIC_OR_PARTITION, LEADER_NOT_AVAILABLE, NOT_LEADER_OR_FOLLOWER: not created yet, or just being created.
const notThereYet: ReadonlySet<number> = new Set([3, 5, 6]);

/**
 * Asks one broker, over one connection, for the end offsets of one topic: ListOffsets v2 on a plaintext listener.
 * A measuring instrument of its own, so that the mirror under test does not measure itself.
 */
export class EndOffsets {
  readonly #socket: Socket;
  readonly #request: Buffer;
  #received = Buffer.alloc(0);

  private constructor(socket: Socket, request: Buffer) {
    this.#socket = socket;
    this.#request = request;
    socket.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      socket.emit('answer');
    });
  }

  static async open(port: number, topic: string, partitions: number): Promise<EndOffsets> {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    await once(socket, 'connect');
    return new EndOffsets(socket, listOffsetsRequest(topic, partitions));
  }

  /** The sum over all partitions; a topic or partition that does not exist (yet) counts as empty. */
  async sum(): Promise<number> {
    this.#socket.write(this.#request);
    while (this.#received.length < 4 || this.#received.length < 4 + this.#received.readInt32BE(0)) {
      await once(this.#socket, 'answer');
    }
    const answer = this.#received;
    this.#received = Buffer.alloc(0);
    return sumOfOffsets(answer);
  }

  close(): void {
    this.#socket.destroy();
  }
}

function listOffsetsRequest(topic: string, partitions: number): Buffer {
  const name = Buffer.from(topic);
  const request = Buffer.alloc(4 + 2 + 2 + 4 + 2 + 4 + 1 + 4 + 2 + name.length + 4 + partitions * 12);
  let at = request.writeInt32BE(request.length - 4, 0);
  at = request.writeInt16BE(apiKeyListOffsets, at);
  at = request.writeInt16BE(apiVersion, at);
  at = request.writeInt32BE(1, at);
  at = request.writeInt16BE(-1, at);
  at = request.writeInt32BE(-1, at);
  at = request.writeInt8(0, at);
  at = request.writeInt32BE(1, at);
  at = request.writeInt16BE(name.length, at);
  at += name.copy(request, at);
  at = request.writeInt32BE(partitions, at);
  for (let partition = 0; partition < partitions; partition += 1) {
    at = request.writeInt32BE(partition, at);
    at = request.writeBigInt64BE(latest, at);
  }
  return request;
}

function sumOfOffsets(answer: Buffer): number {
  // size, correlation id, throttle time, one topic: its name, then the partitions (index, error, timestamp, offset).
  let at = 16;
  at += 2 + answer.readInt16BE(at);
  const partitions = answer.readInt32BE(at);
  at += 4;
  let sum = 0;
  for (let index = 0; index < partitions; index += 1, at += 22) {
    const error = answer.readInt16BE(at + 4);
    if (error === 0) sum += Number(answer.readBigInt64BE(at + 14));
    else if (!notThereYet.has(error))
      throw new Error(`ListOffsets: partition ${answer.readInt32BE(at)} answered error ${error}`);
  }
  return sum;
}
