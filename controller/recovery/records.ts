import type { CoordinationStore } from '../../common/coordination/ports.js';
import { decodeRecovery } from '../../common/coordination/records/recovery.js';
import { RECOVERIES, recoveryPath } from '../../common/coordination/znodes.js';
import { isCausewayError } from '../../common/errors/error.js';
import { isOpen, type Recovery } from '../../common/model/recovery.js';
import { mapLimited } from '../../common/runtime/map-limited.js';

/** Programs that are remembered; of those that are over the oldest go first. */
export const MAX_RECOVERIES = 60;
const READ_CONCURRENCY = 8;

export interface StoredRecovery {
  readonly recovery: Recovery;
  readonly version: number;
}

export async function readRecovery(store: CoordinationStore, id: string): Promise<StoredRecovery | undefined> {
  const node = await store.get(recoveryPath(id));
  return node === undefined
    ? undefined
    : { recovery: decodeRecovery(node.data, recoveryPath(id)), version: node.version };
}

/** The oldest first; what cannot be read is left out. */
export async function allRecoveries(store: CoordinationStore): Promise<readonly Recovery[]> {
  const ids = (await store.children(RECOVERIES)) ?? [];
  const found = await mapLimited(ids, READ_CONCURRENCY, async (id) => {
    try {
      return (await readRecovery(store, id))?.recovery;
    } catch (error) {
      if (isCausewayError(error, 'NODE_CORRUPT')) return undefined;
      throw error;
    }
  });
  return found.filter((one) => one !== undefined).sort((a, b) => (a.createdAt < b.createdAt ? -1 : 1));
}

/** Ids that may be forgotten, so that at most `MAX_RECOVERIES` stay: never a failover that nobody has gone back from. */
export function spent(recoveries: readonly Recovery[]): readonly string[] {
  const surplus = recoveries.length - MAX_RECOVERIES;
  if (surplus <= 0) return [];
  const undone = new Set(
    recoveries.flatMap(({ kind, state, origin }) => (kind === 'failback' && state === 'done' ? [origin] : [])),
  );
  const mayGo = recoveries.filter((one) => {
    const isNeeded = one.kind === 'failover' && one.state === 'done' && !one.dryRun && !undone.has(one.id);
    return !isOpen(one) && !isNeeded;
  });
  return mayGo.slice(0, surplus).map(({ id }) => id);
}
