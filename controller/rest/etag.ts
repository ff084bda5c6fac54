import type { StoreNode } from '../../common/coordination/ports.js';
import { CausewayError } from '../../common/errors/error.js';

/**
 * A node's making and its version since: a node that was removed and made again starts at version 0 anew, and must not be taken for
 * the one that was read before.
 */
export function etagOf(node: Pick<StoreNode, 'createdAt' | 'version'>): string {
  return `"${node.createdAt.toString(36)}-${node.version}"`;
}

/** What a caller demands of the resource before it is changed. */
export interface Preconditions {
  readonly ifMatch: string | undefined;
  readonly ifNoneMatch: string | undefined;
}

/** @throws PRECONDITION_FAILED when the resource is not the one the caller has read */
export function checkPreconditions(
  { ifMatch, ifNoneMatch }: Preconditions,
  node: Pick<StoreNode, 'createdAt' | 'version'> | undefined,
): void {
  if (ifNoneMatch?.trim() === '*' && node !== undefined) throw failed('it exists already');
  if (ifMatch === undefined) return;
  if (node === undefined) throw failed('it does not exist');
  const tags = ifMatch.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  if (!tags.includes('*') && !tags.includes(etagOf(node))) throw failed('it changed since it was read');
}

/** @throws PRECONDITION_REQUIRED: replacing a resource wants to know which version is meant */
export function requireIfMatch({ ifMatch }: Preconditions): void {
  if (ifMatch !== undefined) return;
  throw new CausewayError('PRECONDITION_REQUIRED', 'the resource exists and differs from the body', {
    fix: 'Read it, and send its ETag as If-Match (or * to replace whatever is there).',
  });
}

export function failed(why: string): CausewayError {
  return new CausewayError('PRECONDITION_FAILED', `the precondition does not hold: ${why}`, {
    fix: 'Read the resource again and decide anew.',
  });
}
