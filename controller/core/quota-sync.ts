import { type ClientQuota, type QuotaEntity, quotaEntityKey } from '../../common/model/client-quota.js';

/** One quota of one entity. */
export interface SingleQuota {
  readonly entity: QuotaEntity;
  readonly key: string;
  readonly value: number;
}

export interface QuotaWorld {
  readonly source: readonly ClientQuota[];
  readonly target: readonly ClientQuota[];
  /** What this route set at the target, and has not taken back. */
  readonly set: readonly SingleQuota[];
  /** The user at the target; undefined: left alone. */
  readonly user: (source: string) => string | undefined;
  /** Causeway's own user at the target: a quota meant for somebody's reading at the source would slow the mirror down. */
  readonly isOwn: (user: string) => boolean;
}

export interface QuotaPlan {
  readonly set: readonly (SingleQuota & { readonly before: number | null })[];
  /** Set by this route, gone at the source, and at the target still as it was set. */
  readonly remove: readonly SingleQuota[];
  /** At the source, and not set at the target. */
  readonly skipped: readonly { readonly entity: QuotaEntity; readonly reason: string }[];
  /** At the target only, or set otherwise since: somebody else's. */
  readonly foreign: readonly SingleQuota[];
  /** What this route stands for at the target once the plan is done. */
  readonly wanted: readonly SingleQuota[];
}

/** What is to be done about a route's client quotas. Pure; equal worlds give equal plans. */
export function planQuotas({ source, target, set, user, isOwn }: QuotaWorld): QuotaPlan {
  const skipped: QuotaPlan['skipped'][number][] = [];
  const wanted = new Map<string, SingleQuota>();
  for (const quota of source) {
    const entity = entityAtTarget(quota.entity, user);
    if (entity === undefined) continue;
    if (typeof entity.user === 'string' && isOwn(entity.user)) {
      skipped.push({ entity, reason: 'it is Causeway’s own user at the target: the mirror would be slowed down' });
      continue;
    }
    for (const single of singles({ ...quota, entity }))
      if (!wanted.has(keyOf(single))) wanted.set(keyOf(single), single);
  }
  const present = new Map(target.flatMap(singles).map((single) => [keyOf(single), single]));
  const ours = new Map(set.map((single) => [keyOf(single), single.value]));
  const extra = [...present.values()].filter((single) => !wanted.has(keyOf(single)));
  const isOurs = (single: SingleQuota): boolean => ours.get(keyOf(single)) === single.value;
  return {
    set: [...wanted.values()].flatMap((single) => {
      const before = present.get(keyOf(single))?.value ?? null;
      return before === single.value ? [] : [{ ...single, before }];
    }),
    remove: extra.filter(isOurs),
    skipped,
    foreign: extra.filter((single) => !isOurs(single)),
    wanted: [...wanted.values()],
  };
}

/** Users that log in with SCRAM at the source and could not at the target; by the names they have there, in order. */
export function usersMissing(
  source: readonly string[],
  target: readonly string[],
  user: (source: string) => string | undefined,
): readonly string[] {
  const there = new Set(target);
  const wanted = new Set(source.flatMap((name) => user(name) ?? []));
  return [...wanted].filter((name) => !there.has(name)).sort();
}

function entityAtTarget(entity: QuotaEntity, user: QuotaWorld['user']): QuotaEntity | undefined {
  if (typeof entity.user !== 'string') return entity;
  const name = user(entity.user);
  return name === undefined ? undefined : { ...entity, user: name };
}

function singles({ entity, values }: ClientQuota): SingleQuota[] {
  return Object.entries(values).map(([key, value]) => ({ entity, key, value }));
}

function keyOf({ entity, key }: SingleQuota): string {
  return `${quotaEntityKey(entity)} ${key}`;
}
