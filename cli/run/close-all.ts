import type { Closable } from '../../common/runtime/lifecycle.js';

/** Closes one after the other; a failure does not keep the rest open. Throws the first failure at the end. */
export async function closeAll(...items: readonly Closable[]): Promise<void> {
  const failures: unknown[] = [];
  for (const item of items) {
    try {
      await item.close();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}
