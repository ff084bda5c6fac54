import { type AclBinding, aclText } from '../../../common/model/acl.js';
import type { AclPlanItem } from '../../../common/model/rights-item.js';
import type { AclPolicy } from '../../../common/model/rights-policy.js';
import type { AclPlan } from '../../core/acl-sync.js';

/** A line of the report, and the right it would grant or take back. */
export interface AclItem {
  readonly item: AclPlanItem;
  readonly binding: AclBinding;
}

/** A plan as the drift report tells it. An `apply` also does what a round leaves to somebody's word. */
export function aclItems(
  plan: AclPlan,
  { mode, remove }: Pick<AclPolicy, 'mode' | 'remove'>,
  cluster: string,
): AclItem[] {
  const base = { kind: 'acl', cluster } as const;
  const byText = (a: AclItem, b: AclItem): number => (textOf(a) < textOf(b) ? -1 : 1);
  const created = plan.create.map(({ binding, origin }): AclItem => {
    const after = aclText(binding);
    const reason = `at the source ${aclText(origin)}`;
    return { binding, item: { ...base, action: 'create', acl: binding, before: null, after, reason, applies: true } };
  });
  const removed = plan.remove.map((binding): AclItem => {
    const why =
      remove === 'scope' ? 'the source does not have it' : 'this route granted it, and it is gone at the source';
    const reason = plan.guard === undefined ? why : `${why}; only by apply: ${plan.guard}`;
    const before = aclText(binding);
    return { binding, item: { ...base, action: 'delete', acl: binding, before, after: null, reason, applies: true } };
  });
  const reported = (acl: AclBinding, reason: string, before: string | null): AclItem => ({
    binding: acl,
    item: { ...base, action: 'report', acl, before, after: null, reason, applies: false },
  });
  const unplaceable = plan.unplaceable.map(({ origin, reason }) =>
    reported(origin, `at the source ${aclText(origin)}: ${reason}`, null),
  );
  const left = mode === 'mirror' ? 'this route did not grant it' : `mode ${mode} takes nothing back`;
  const foreign = plan.foreign.map((acl) => reported(acl, `the source does not have it; ${left}`, aclText(acl)));
  return [...created.sort(byText), ...removed.sort(byText), ...unplaceable.sort(byText), ...foreign.sort(byText)];
}

function textOf({ item: { before, after, reason } }: AclItem): string {
  return `${before ?? after ?? ''} ${reason}`;
}
