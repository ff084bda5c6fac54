import { readFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { API_SPECS, ApiKey, isFlexible } from '../../common/kafka/wire/api-keys.js';
import { Reader } from '../../common/kafka/wire/reader.js';

/** One request of a client, its body not yet read. The bytes are valid until the handler returns. */
export interface BrokerRequest {
  readonly api: ApiKey;
  readonly version: number;
  readonly body: Reader;
}

/** The body of the answer in pieces; written without copying. */
export type BrokerHandler = (request: BrokerRequest) => readonly Buffer[];

export interface ServerOptions {
  readonly port: number;
  /** One PEM file with key and certificate: then every connection is TLS. */
  readonly tlsStoreFile?: string;
}

const firstFrameBytes = 64 * 1024;
const mostFrameBytes = 128 << 20;

/** Kafka's framing for a broker that lives in memory: one answer per request, in order. */
export function startServer(options: ServerOptions, handler: BrokerHandler): Promise<Server> {
  const serve = (socket: Socket) => serveSocket(socket, handler);
  let server: Server;
  if (options.tlsStoreFile === undefined) server = createServer({ noDelay: true }, serve);
  else {
    const pem = readFileSync(options.tlsStoreFile);
    server = createTlsServer({ key: pem, cert: pem }, (socket) => {
      socket.setNoDelay(true);
      serve(socket);
    });
  }
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, '127.0.0.1', () => resolve(server));
  });
}

function serveSocket(socket: Socket, handler: BrokerHandler): void {
  let frame = Buffer.allocUnsafeSlow(firstFrameBytes);
  let filled = 0;
  socket.on('error', () => undefined);
  socket.on('data', (chunk: Buffer) => {
    for (let at = 0; at < chunk.length; ) {
      const wanted = filled < 4 ? 4 : 4 + frame.readInt32BE(0);
      if (wanted > mostFrameBytes) throw new Error(`a request of ${wanted} bytes`);
      if (wanted > frame.length) {
        // Kept for the connection's life: its requests are alike.
        const larger = Buffer.allocUnsafeSlow(wanted * 2);
        frame.copy(larger, 0, 0, filled);
        frame = larger;
      }
      const taken = Math.min(wanted - filled, chunk.length - at);
      chunk.copy(frame, filled, at, at + taken);
      filled += taken;
      at += taken;
      if (filled < 4 || filled < 4 + frame.readInt32BE(0)) continue;
      answer(socket, frame.subarray(4, filled), handler);
      filled = 0;
    }
  });
}

function answer(socket: Socket, frame: Buffer, handler: BrokerHandler): void {
  const api = frame.readInt16BE(0) as ApiKey;
  const version = frame.readInt16BE(2);
  if (API_SPECS[api] === undefined) throw new Error(`no answer to API ${api}`);
  const flexible = isFlexible(api, version);
  const bodyAt = 10 + Math.max(0, frame.readInt16BE(8)) + (flexible ? 1 : 0);
  const pieces = handler({ api, version, body: new Reader(frame, flexible, bodyAt) });
  // ApiVersions is answered with header v0 whatever its version (KIP-511).
  const tagged = flexible && api !== ApiKey.ApiVersions;
  const head = Buffer.alloc(tagged ? 9 : 8);
  let bytes = head.length - 4;
  for (const piece of pieces) bytes += piece.length;
  head.writeInt32BE(bytes, 0);
  frame.copy(head, 4, 4, 8);
  socket.cork();
  socket.write(head);
  for (const piece of pieces) socket.write(piece);
  socket.uncork();
}
