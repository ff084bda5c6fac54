import { quotaEntityKey } from '../../common/model/client-quota.js';
import { MAX_REMEMBERED_RIGHTS, type RightsMemory } from '../../common/model/rights-memory.js';

/**
 * What a route is known to have set by an export and by the store together. Where both name a quota the store's value is the later one. Pure.
 * @returns `known` itself where the export adds nothing, `saved` itself where the store's memory is of another target
 */
export function joinedRights(saved: RightsMemory, known: RightsMemory): RightsMemory {
  if (known.target !== saved.target) return saved;
  const acls = lacking(saved.acls, known.acls, (acl) => acl);
  const quotas = lacking(saved.quotas, known.quotas, ({ entity, key }) => `${quotaEntityKey(entity)} ${key}`);
  if (acls.length + quotas.length === 0) return known;
  return { ...known, acls: [...known.acls, ...acls], quotas: [...known.quotas, ...quotas] };
}

/** Those that are not there, as far as there is room for them. */
function lacking<T>(saved: readonly T[], known: readonly T[], keyOf: (one: T) => string): readonly T[] {
  const there = new Set(known.map(keyOf));
  return saved.filter((one) => !there.has(keyOf(one))).slice(0, Math.max(0, MAX_REMEMBERED_RIGHTS - known.length));
}
