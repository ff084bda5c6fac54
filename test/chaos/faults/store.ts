import type { CoordinationStore } from '../../../common/coordination/ports.js';
import { isCausewayError } from '../../../common/errors/error.js';
import { ROUTE } from '../../demo/fleet.js';
import type { Doer } from '../field.js';
import { order } from './orders.js';

/** Every node of the fleet is removed under load; the operator adds the topics again (5.6 of section 7). */
export const wipeStore: Doer = async (field) => {
  const removed = await removeBelow(field.lanes.store, '');
  field.say(`${removed} nodes removed`);
  return async () => {
    for (const topic of field.topics) {
      await order(field, (client) =>
        client.addTopic(ROUTE, { topic }).catch((error: unknown) => {
          // It is there still, or again.
          if (!isCausewayError(error, 'TOPIC_EXISTS')) throw error;
        }),
      );
    }
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
