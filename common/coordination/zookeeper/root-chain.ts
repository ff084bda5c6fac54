import { ZK_NO_NODE, ZK_NODE_EXISTS, ZK_OK } from './jute.js';

/** `/a/b` -> `/a`, `/a/b`. */
const rootChain = (root: string): readonly string[] =>
  root.split('/').flatMap((_, i, all) => (i === 0 ? [] : [`/${all.slice(1, i + 1).join('/')}`]));

/**
 * Creates the root and whichever parents are missing, from the bottom up: parents that exist may be closed to us without harm.
 * Gives the last outcome; one without `err` (no answer) ends it.
 */
export async function createChain<T extends object>(root: string, create: (path: string) => Promise<T>): Promise<T> {
  const chain = rootChain(root);
  let index = chain.length - 1;
  for (;;) {
    const outcome = await create(chain[index] ?? root);
    const err = 'err' in outcome ? outcome.err : undefined;
    if (err === ZK_NO_NODE && index > 0) index -= 1;
    else if ((err === ZK_OK || err === ZK_NODE_EXISTS) && index < chain.length - 1) index += 1;
    else return outcome;
  }
}
