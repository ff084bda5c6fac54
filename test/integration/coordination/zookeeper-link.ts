import type { CoordinationStore } from '../../../common/coordination/ports.js';
import type { Closable } from '../../../common/runtime/lifecycle.js';
import type { ZooKeeperHandle } from '../../bed/zookeeper.js';
import { type ProxyPiece, TcpProxy } from '../../proxy/tcp-proxy.js';
import { MemoryLogger, openStore, type TestStoreOptions, uniqueRoot } from './zookeeper-kit.js';

/** Offset of the xid in a frame, its length included. */
export const XID_AT = 4;
export const REPLY_ERR_AT = 16;
export const OP = { create: 1, getData: 4, setData: 5, multi: 14 } as const;

export interface Link {
  readonly proxy: TcpProxy;
  readonly store: CoordinationStore;
  readonly logger: MemoryLogger;
}

/** A store behind a proxy of its own; everything is closed when the body ends. */
export async function linked(
  server: ZooKeeperHandle,
  body: (link: Link) => Promise<void>,
  options: Partial<TestStoreOptions> = {},
): Promise<void> {
  const target = { host: '127.0.0.1', port: server.port };
  const proxy = await TcpProxy.start({ target, pieces: 'length-prefixed' });
  const logger = new MemoryLogger();
  const store = openStore({ connect: proxy.address, root: uniqueRoot(), logger, ...options });
  try {
    await body({ proxy, store, logger });
  } finally {
    proxy.intercept(undefined);
    proxy.release();
    await store.close();
    await proxy.close();
  }
}

/** In this order: a store whose proxy is gone waits for it. */
export async function closeAll(...items: readonly Closable[]): Promise<void> {
  for (const item of items) await item.close();
}

export const xidOf = (piece: ProxyPiece): number => piece.bytes.readInt32BE(XID_AT);
export const opOf = (piece: ProxyPiece): number => piece.bytes.readInt32BE(XID_AT + 4);

/** Lets the next request of this type reach the server and cuts the link instead of passing the answer on. */
export function loseAnswerOf(proxy: TcpProxy, op: number): void {
  let lost: number | undefined;
  proxy.intercept((piece) => {
    if (piece.direction === 'toServer') {
      if (lost === undefined && piece.bytes.length >= 12 && opOf(piece) === op) lost = xidOf(piece);
      return 'pass';
    }
    if (lost === undefined || xidOf(piece) !== lost) return 'pass';
    proxy.intercept(undefined);
    return 'cut';
  });
}
