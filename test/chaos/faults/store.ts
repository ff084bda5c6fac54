import type { CoordinationStore } from '../../../common/coordination/ports.js';
import { isCausewayError } from '../../../common/errors/error.js';
import type { Doer } from '../field.js';
import { order } from './orders.js';

/** Every node of the fleet is removed under load; the operator brings back what was exported before (7.6). */
export const wipeStore: Doer = async (field) => {
  const saved = await order(field, (client) => client.export());
  const removed = await removeBelow(field.lanes.store, '');
  field.say(`${removed} nodes removed`);
  return async () => {
    const { epoch, written } = await order(field, (client) => client.import(saved));
    field.say(`${written} nodes imported, epoch ${epoch}`);
  };
};

/** Deepest first; what others remove or make meanwhile is theirs. @returns how many */
async function removeBelow(store: CoordinationStore, path: string): Promise<number> {
  let removed = 0;
  for (const name of (await store.children(path === '' ? '/' : path)) ?? []) {
    removed += await removeBelow(store, `${path}/${name}`);
  }
  if (path === '') return removed;
  try {
    await store.remove(path, -1);
    return removed + 1;
  } catch (error) {
    if (isCausewayError(error)) return removed;
    throw error;
  }
}
