import type { CausewayError } from '../../errors/error.js';
import type { ZkConnection } from './connection.js';
import { type Acls, addWatchRequest, createRequest, existsRequest, ZK_NO_NODE, ZK_NODE_EXISTS, ZK_OK } from './jute.js';
import { createChain } from './root-chain.js';
import { errorOf } from './zk-errors.js';

export type PreparedSession =
  | { readonly kind: 'ready'; readonly watchError: number | undefined }
  /** The connection ended meanwhile; the next one prepares again. */
  | { readonly kind: 'interrupted' }
  | { readonly kind: 'refused'; readonly error: CausewayError };

/**
 * On every (re)connect: one persistent recursive watch on the root, which replaces the library's one-shot watches and the packet
 * that sets them all again (fault Z5), and the root itself.
 */
export async function prepareSession(connection: ZkConnection, root: string, acls: Acls): Promise<PreparedSession> {
  const watching = connection.send(addWatchRequest(root));
  const found = await connection.send(existsRequest(root));
  const watch = await watching;
  if (watch.kind !== 'answer' || found.kind !== 'answer') return { kind: 'interrupted' };
  const watchError = watch.err === ZK_OK ? undefined : watch.err;
  if (found.err === ZK_OK) return { kind: 'ready', watchError };
  if (found.err !== ZK_NO_NODE) return { kind: 'refused', error: errorOf(found.err, root) };
  const created = await createChain(root, (path) => connection.send(createRequest(path, Buffer.alloc(0), false, acls)));
  if (!('err' in created)) return { kind: 'interrupted' };
  if (created.err === ZK_OK || created.err === ZK_NODE_EXISTS) return { kind: 'ready', watchError };
  return { kind: 'refused', error: errorOf(created.err, root) };
}
