import { createServer, type Server, type Socket } from 'node:net';
import { API_SPECS, ApiKey } from '../../../../common/kafka/wire/api-keys.js';
import { Writer } from '../../../../common/kafka/wire/writer.js';

export interface FakeRequest {
  readonly api: number;
  readonly version: number;
  readonly correlationId: number;
  readonly body: Buffer;
  readonly socket: Socket;
}

/** The body of the answer behind the correlation id; undefined for the usual one (ApiVersions) or none; 'silent' for none at all. */
export type FakeAnswer = (request: FakeRequest) => Buffer | 'silent' | undefined;

/** A broker that answers what it is told to, on loopback. */
export class FakeBroker {
  readonly requests: FakeRequest[] = [];
  readonly sockets = new Set<Socket>();
  readonly #server: Server;
  #port = 0;
  readonly #answer: FakeAnswer;

  private constructor(answer: FakeAnswer) {
    this.#answer = answer;
    this.#server = createServer((socket) => this.#serve(socket));
  }

  static async start(answer: FakeAnswer = () => undefined, host = '127.0.0.1', port = 0): Promise<FakeBroker> {
    const broker = new FakeBroker(answer);
    await new Promise<void>((resolve) => broker.#server.listen(port, host, resolve));
    broker.#port = (broker.#server.address() as { port: number }).port;
    return broker;
  }

  /** Stays known after `stop`. */
  get port(): number {
    return this.#port;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #serve(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => this.sockets.delete(socket));
    let held = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      held = Buffer.concat([held, chunk]);
      while (held.length >= 4 && held.length >= 4 + held.readInt32BE(0)) {
        const end = 4 + held.readInt32BE(0);
        this.#handle(socket, held.subarray(4, end));
        held = held.subarray(end);
      }
    });
  }

  #handle(socket: Socket, frame: Buffer): void {
    const api = frame.readInt16BE(0);
    const version = frame.readInt16BE(2);
    const correlationId = frame.readInt32BE(4);
    const clientIdBytes = frame.readInt16BE(8);
    const flexible = version >= API_SPECS[api as ApiKey].firstFlexibleVersion;
    const body = frame.subarray(10 + clientIdBytes + (flexible ? 1 : 0));
    const request = { api, version, correlationId, body, socket };
    this.requests.push(request);
    const answer = this.#answer(request) ?? (api === ApiKey.ApiVersions ? apiVersions(version) : undefined);
    if (answer !== undefined && answer !== 'silent') send(socket, correlationId, answer);
  }
}

export function send(socket: Socket, correlationId: number, body: Buffer): void {
  const head = Buffer.alloc(8);
  head.writeInt32BE(4 + body.length, 0);
  head.writeInt32BE(correlationId, 4);
  socket.write(Buffer.concat([head, body]));
}

/** Offers exactly what we speak. */
function apiVersions(version: number): Buffer {
  const writer = new Writer(version >= 3).int16(0);
  writer.array(Object.entries(API_SPECS), ([key, spec]) =>
    writer.int16(Number(key)).int16(spec.minVersion).int16(spec.maxVersion).tags(),
  );
  if (version >= 1) writer.int32(0);
  return Buffer.concat(writer.tags().toBuffers());
}
