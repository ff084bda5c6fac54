import { type AclBinding, aclKey } from '../../common/model/acl.js';
import type { AclPolicy } from '../../common/model/rights-policy.js';
import { place, type ResourceNames } from './acl-names.js';

/** What a route's ACLs are judged by. */
export interface AclWorld {
  readonly policy: Pick<
    AclPolicy,
    'mode' | 'topics' | 'groups' | 'write' | 'wildcard' | 'remove' | 'maxRemovals' | 'maxRemovalsPercent'
  >;
  readonly names: Readonly<Record<'topic' | 'group', ResourceNames>>;
  /** The principal at the target; undefined: left alone. */
  readonly principal: (source: string) => string | undefined;
  readonly source: readonly AclBinding[];
  readonly target: readonly AclBinding[];
  /** Keys of what this route granted there. */
  readonly created: ReadonlySet<string>;
  /** Keys of what other routes to the same target want there. */
  readonly wantedByOthers: ReadonlySet<string>;
  /** Principals at the target whose rights are never taken back: our own, and those left alone. */
  readonly isProtected: (principal: string) => boolean;
}

/** A right that the source gives, as the target should. */
export interface WantedAcl {
  readonly binding: AclBinding;
  readonly origin: AclBinding;
}

export interface AclPlan {
  /** Missing at the target. */
  readonly create: readonly WantedAcl[];
  /** At the target, gone at the source, and this route's to take back. */
  readonly remove: readonly AclBinding[];
  /** Present: so many removals are too many without somebody's word. */
  readonly guard: string | undefined;
  /** At the source, and not to be had at the target. */
  readonly unplaceable: readonly { readonly origin: AclBinding; readonly reason: string }[];
  /** On what the route mirrors, at the target only, and not this route's to take back. */
  readonly foreign: readonly AclBinding[];
  /** Keys of what this route stands for at the target once the plan is done. */
  readonly wanted: ReadonlySet<string>;
}

/** What the target should have; the source's order. */
export function wantedAcls(world: Pick<AclWorld, 'policy' | 'names' | 'principal' | 'source'>): {
  readonly wanted: readonly WantedAcl[];
  readonly unplaceable: AclPlan['unplaceable'];
} {
  const { policy, names, principal, source } = world;
  const wanted = new Map<string, WantedAcl>();
  const unplaceable: AclPlan['unplaceable'][number][] = [];
  for (const origin of source) {
    const kind = kindOf(origin, policy);
    const operation = kind === undefined ? undefined : operationAtTarget(origin, kind, policy.write);
    const who = principal(origin.principal);
    if (kind === undefined || operation === undefined || who === undefined) continue;
    const placed = place(origin, names[kind], policy.wildcard);
    if (placed.kind === 'unplaceable') unplaceable.push({ origin, reason: placed.reason });
    if (placed.kind !== 'placed') continue;
    const binding: AclBinding = { ...origin, pattern: placed.pattern, name: placed.name, principal: who, operation };
    const key = aclKey(binding);
    if (!wanted.has(key)) wanted.set(key, { binding, origin });
  }
  return { wanted: [...wanted.values()], unplaceable };
}

/** What is to be done about a route's ACLs. Pure; equal worlds give equal plans. */
export function planAcls(world: AclWorld): AclPlan {
  const { policy, target, created, wantedByOthers } = world;
  const { wanted, unplaceable } = wantedAcls(world);
  const wantedKeys = new Set(wanted.map(({ binding }) => aclKey(binding)));
  const present = new Set(target.map(aclKey));
  const create = wanted.filter(({ binding }) => !present.has(aclKey(binding)));
  const extra = target.filter((binding) => !wantedKeys.has(aclKey(binding)) && isJudged(binding, world));
  const isOurs = (binding: AclBinding): boolean => {
    if (policy.mode !== 'mirror' || wantedByOthers.has(aclKey(binding)) || world.isProtected(binding.principal))
      return false;
    return created.has(aclKey(binding)) || policy.remove === 'scope';
  };
  const remove = extra.filter(isOurs);
  const foreign = extra.filter((binding) => !isOurs(binding) && !wantedByOthers.has(aclKey(binding)));
  const held = wanted.length - create.length + remove.length;
  return {
    create,
    remove,
    guard: guardOf(remove.length, held, wanted.length, policy),
    unplaceable,
    foreign,
    wanted: wantedKeys,
  };
}

/** Whether a right at the target is one of those that this route could have given. */
function isJudged(binding: AclBinding, { policy, names, created }: AclWorld): boolean {
  const kind = kindOf(binding, policy);
  if (kind === undefined) return false;
  const scope = names[kind].scope(binding);
  if (created.has(aclKey(binding))) return scope !== 'outside';
  if (scope !== 'inside') return false;
  // What is never copied says nothing by being there: the target's own producers write by it.
  return kind === 'group' || policy.write === 'copy' || binding.permission === 'deny' || !writes(binding);
}

function kindOf({ resource }: AclBinding, policy: Pick<AclPolicy, 'topics' | 'groups'>): 'topic' | 'group' | undefined {
  if (resource === 'topic') return policy.topics ? 'topic' : undefined;
  if (resource === 'group') return policy.groups ? 'group' : undefined;
  return undefined;
}

function writes({ operation }: AclBinding): boolean {
  return operation === 'write' || operation === 'all';
}

/** MirrorSourceConnector.targetAclBinding, and `write: copy`; undefined: not copied. */
function operationAtTarget(
  { operation, permission }: AclBinding,
  kind: 'topic' | 'group',
  write: AclPolicy['write'],
): AclBinding['operation'] | undefined {
  if (kind === 'group' || write === 'copy' || permission === 'deny') return operation;
  if (operation === 'write') return undefined;
  return operation === 'all' ? 'read' : operation;
}

/** More than the bound, or all there is: perhaps the source did not tell everything. */
function guardOf(
  removals: number,
  held: number,
  wanted: number,
  { maxRemovals, maxRemovalsPercent }: Pick<AclPolicy, 'maxRemovals' | 'maxRemovalsPercent'>,
): string | undefined {
  if (removals === 0) return undefined;
  if (wanted === 0) return `nothing would be left of the ${removals} rights that the route gave`;
  if (removals <= maxRemovals || removals * 100 <= held * maxRemovalsPercent) return undefined;
  return `${removals} of ${held} rights would be taken back: more than ${maxRemovals}, and more than ${maxRemovalsPercent} %`;
}
