import { invariant } from '../errors/assert.js';
import { CausewayError } from '../errors/error.js';
import { MAX_MULTI_OPS, MAX_NODE_BYTES, type StoreOp } from './ports.js';

/**
 * Bytes of all paths and values of one multi. ZooKeeper drops the connection of a client whose packet exceeds 1,048,575 bytes
 * (jute.maxbuffer); the rest is room for headers and ACLs, of which an operation carries about OP_OVERHEAD_BYTES.
 */
const MAX_MULTI_BYTES = 1_000_000;
const OP_OVERHEAD_BYTES = 96;

/** What ZooKeeper refuses in a path (PathUtils.validatePath): characters, and the names ``, `.` and `..`. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are exactly what is looked for
const ILLEGAL = /[\u0000-\u001f\u007f-\u009f\ud800-\uf8ff\ufff0-\uffff]|\/(?:\.{0,2})(?:\/|$)/;

/** Paths are built by our own code from checked names, so a bad one is a bug, not an input error. */
export function checkPath(path: string): void {
  if (path === '/' || (path.startsWith('/') && !ILLEGAL.test(path))) return;
  invariant(false, `illegal coordination path ${JSON.stringify(path)}`);
}

/** `/a/b` -> `/a`, `/a` -> `/`; undefined for `/`. */
export function parentPath(path: string): string | undefined {
  if (path === '/') return undefined;
  const slash = path.lastIndexOf('/');
  return slash === 0 ? '/' : path.slice(0, slash);
}

/** Refuses what would not fit the wire, before anything is sent (NODE_TOO_LARGE). */
export function checkData(path: string, data: Buffer): void {
  if (data.length <= MAX_NODE_BYTES) return;
  throw new CausewayError('NODE_TOO_LARGE', `${data.length} bytes, at most ${MAX_NODE_BYTES} are allowed`, {
    place: { path },
    fix: 'Split the value into several nodes.',
  });
}

/** Refuses a multi with a bad path, a value that is too large, or too much in all (NODE_TOO_LARGE). */
export function checkMulti(ops: readonly StoreOp[]): void {
  let bytes = 0;
  for (const op of ops) {
    checkPath(op.path);
    bytes += OP_OVERHEAD_BYTES + Buffer.byteLength(op.path);
    if (op.type !== 'create' && op.type !== 'set') continue;
    checkData(op.path, op.data);
    bytes += op.data.length;
  }
  if (ops.length <= MAX_MULTI_OPS && bytes <= MAX_MULTI_BYTES) return;
  throw new CausewayError(
    'NODE_TOO_LARGE',
    `a multi of ${ops.length} operations and ${bytes} bytes, at most ${MAX_MULTI_OPS} and ${MAX_MULTI_BYTES} are allowed`,
    { fix: 'Split the multi.' },
  );
}

const at = (path: string) => ({ place: { path } });

export const nodeExists = (path: string): CausewayError =>
  new CausewayError('NODE_EXISTS', 'the node exists already', at(path));
export const nodeMissing = (path: string): CausewayError =>
  new CausewayError('NODE_MISSING', 'the node does not exist', at(path));
export const nodeNotEmpty = (path: string): CausewayError =>
  new CausewayError('NODE_NOT_EMPTY', 'the node has children', at(path));
export const noChildrenAllowed = (path: string): CausewayError =>
  new CausewayError('INTERNAL_INVARIANT', 'an ephemeral node cannot have children', at(path));
export const badVersion = (path: string): CausewayError =>
  new CausewayError('BAD_VERSION', 'the node changed since it was read', at(path));
export const sessionLost = (): CausewayError =>
  new CausewayError('COORDINATION_SESSION_LOST', 'the coordination session is over', {
    fix: 'Register again under the next session.',
  });
export const storeClosed = (): CausewayError =>
  new CausewayError('COORDINATION_UNAVAILABLE', 'the coordination store is closed');
