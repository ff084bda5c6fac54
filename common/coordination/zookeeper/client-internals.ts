import type { Socket } from 'node:net';
import zookeeper from 'node-zookeeper-client';
import type { Request } from 'node-zookeeper-client/lib/jute/index.js';

/** ConnectionManager.STATES of the library. */
export const LIBRARY_STATE = {
  disconnected: 0,
  connecting: 1,
  connected: 2,
  closing: -1,
  closed: -2,
  sessionExpired: -3,
  authenticationFailed: -4,
} as const;

export interface LibraryResponse {
  readonly header: { readonly err: number };
  readonly payload: unknown;
}

export interface LibraryPacket {
  readonly request: Request;
  /** The library's own losses come without a response, the server's refusals with one. */
  readonly callback: (error: Error | null, response?: LibraryResponse) => void;
}

/** The parts of the library's ConnectionManager (1.1.3, pinned) that the wrapper overrides on the instance or reads. */
export interface ConnectionManager {
  state: number;
  socket: Socket | undefined;
  xid: number;
  zxid: Buffer;
  sessionId: Buffer;
  sessionTimeout: number;
  readonly packetQueue: { queue: LibraryPacket[] };
  readonly pendingQueue: LibraryPacket[];
  connect(): void;
  close(): void;
  setState(state: number): void;
  queue(request: Request, callback: LibraryPacket['callback']): void;
  onSocketConnected(): void;
  onSocketData(data: Buffer): void;
  onSocketDrain(): void;
  onSocketTimeout(): void;
  onSocketClosed(hadError: boolean): void;
}

/** A fresh client object of the library, not yet connected; the servers are ours, so the string it gets is only a form. */
export function createConnectionManager(sessionTimeoutMs: number): ConnectionManager {
  const client = zookeeper.createClient('unused.invalid:2181', { sessionTimeout: sessionTimeoutMs });
  return (client as unknown as { connectionManager: ConnectionManager }).connectionManager;
}

/** Codes its Exception.create knows; it throws inside the socket handler over any other (a kind of fault Z10). */
const KNOWN_CODES: ReadonlySet<number> = new Set(
  Object.values(zookeeper.Exception as unknown as Record<string, unknown>).filter((code) => typeof code === 'number'),
);

export const libraryKnowsError = (code: number): boolean => KNOWN_CODES.has(code);
