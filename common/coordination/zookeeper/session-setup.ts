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
 * On every (re)connect: a persistent recursive watch for each watched path, which replaces the library's one-shot watches and the packet
 * that sets them all again (fault Z5), and the root itself.
 */
export async function prepareSession(
  connection: ZkConnection,
  root: string,
  acls: Acls,
  watched: readonly string[],
): Promise<PreparedSession> {
  const watching = addWatches(connection, watched);
  const found = await connection.send(existsRequest(root));
  const added = await watching;
  if (added.kind !== 'answer' || found.kind !== 'answer') return { kind: 'interrupted' };
  const { watchError } = added;
  if (found.err === ZK_OK) return { kind: 'ready', watchError };
  if (found.err !== ZK_NO_NODE) return { kind: 'refused', error: errorOf(found.err, root) };
  const created = await createChain(root, (path) => connection.send(createRequest(path, Buffer.alloc(0), false, acls)));
  if (!('err' in created)) return { kind: 'interrupted' };
  if (created.err === ZK_OK || created.err === ZK_NODE_EXISTS) return { kind: 'ready', watchError };
  return { kind: 'refused', error: errorOf(created.err, root) };
}

type AddedWatches =
  | { readonly kind: 'answer'; readonly watchError: number | undefined }
  | { readonly kind: 'interrupted' };

/** Asks the server to watch; `watchError` is its first refusal. */
export async function addWatches(connection: ZkConnection, paths: readonly string[]): Promise<AddedWatches> {
  const replies = await Promise.all(paths.map((path) => connection.send(addWatchRequest(path))));
  let watchError: number | undefined;
  for (const reply of replies) {
    if (reply.kind !== 'answer') return { kind: 'interrupted' };
    if (reply.err !== ZK_OK) watchError ??= reply.err;
  }
  return { kind: 'answer', watchError };
}
