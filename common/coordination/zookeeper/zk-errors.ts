import { CausewayError } from '../../errors/error.js';
import { badVersion, noChildrenAllowed, nodeExists, nodeMissing, nodeNotEmpty } from '../node-rules.js';
import {
  ZK_AUTH_FAILED,
  ZK_BAD_VERSION,
  ZK_INVALID_ACL,
  ZK_NO_AUTH,
  ZK_NO_CHILDREN_FOR_EPHEMERALS,
  ZK_NO_NODE,
  ZK_NODE_EXISTS,
  ZK_NOT_EMPTY,
} from './jute.js';

/** What a server's refusal of a request for `path` means to the caller. */
export function errorOf(err: number, path: string): CausewayError {
  switch (err) {
    case ZK_NO_NODE:
      return nodeMissing(path);
    case ZK_NODE_EXISTS:
      return nodeExists(path);
    case ZK_NOT_EMPTY:
      return nodeNotEmpty(path);
    case ZK_BAD_VERSION:
      return badVersion(path);
    case ZK_NO_CHILDREN_FOR_EPHEMERALS:
      return noChildrenAllowed(path);
    case ZK_NO_AUTH:
    case ZK_AUTH_FAILED:
    case ZK_INVALID_ACL:
      return authFailed(`ZooKeeper refused access (${err})`, path);
    default:
      return unavailable(`ZooKeeper answered ${err} for ${path}`);
  }
}

export const authFailed = (message: string, path: string): CausewayError =>
  new CausewayError('COORDINATION_AUTH_FAILED', message, {
    place: { path },
    fix: 'Compare coordination.zookeeper.digest with the credentials that created the nodes (zkCli getAcl).',
  });

export const unavailable = (message: string): CausewayError =>
  new CausewayError('COORDINATION_UNAVAILABLE', message, { fix: 'Read again before repeating a change.' });
