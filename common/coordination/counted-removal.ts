import { parentPath } from './node-rules.js';
import { ANY_VERSION, type StoreOp } from './ports.js';

/**
 * The operations that remove a node in good order, for one multi: its parent's version grows by one with it. A leader believes no more
 * removals than it can count there; whatever else is gone vanished, and its last good value stays in force.
 */
export function countedRemoval(path: string, version: number): StoreOp[] {
  return [
    { type: 'remove', path, version },
    { type: 'set', path: parentPath(path) ?? '/', data: Buffer.alloc(0), version: ANY_VERSION },
  ];
}
