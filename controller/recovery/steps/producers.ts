import { isCausewayError } from '../../../common/errors/error.js';
import { type AclBinding, aclKey } from '../../../common/model/acl.js';
import type { Fence } from '../../../common/model/recovery.js';
import { type Route, targetTopicOf } from '../../../common/model/route.js';
import { PrincipalNames } from '../../../common/patterns/principal-names.js';
import type { StepOutcome } from '../../core/recovery-state.js';
import { sideOf } from '../legs.js';
import type { StepContext, StepHandler } from '../ports.js';
import { allRecoveries } from '../records.js';

const EVERYBODY = 'User:*';

/**
 * The named principals may not write to the source's topics any more. A denial goes before every permission, for Causeway's own principal as
 * well: the copy back writes to these topics, so that everybody cannot be denied where there is one (`orderFault`).
 */
export const fenceProducers: StepHandler = {
  async look(context) {
    const { from, topics } = await sideOf(context);
    const principals = context.recovery.options.fencePrincipals;
    // Fails where the cluster keeps no rights, or we may not see them.
    await context.world.rights.list(from.source);
    const evidence = {
      cluster: from.source,
      principals: principals.join(' '),
      denials: topics.length * principals.length,
    };
    return { kind: 'done', evidence };
  },

  async run(context): Promise<StepOutcome> {
    const { from, topics } = await sideOf(context);
    const principals = context.recovery.options.fencePrincipals;
    return await deny(context, from, { cluster: from.source, topics, principals });
  },

  undo: (context) => admit(context, context.recovery.options.fencePrincipals),
};

/** After a migration nobody is to write to the old topics, whoever it is. */
export const readOnly: StepHandler = {
  async look(context) {
    const { from, topics } = await sideOf(context);
    await context.world.rights.list(from.source);
    return { kind: 'done', evidence: { cluster: from.source, topics: topics.length } };
  },

  async run(context): Promise<StepOutcome> {
    const { from, topics } = await sideOf(context);
    return await deny(context, from, { cluster: from.source, topics, principals: [EVERYBODY] });
  },

  undo: (context) => admit(context, [EVERYBODY]),
};

/** What earlier programs denied at the cluster that is written to from now on ends. */
export const admitProducers: StepHandler = {
  async look(context) {
    const fences = await fencesAt(context);
    return { kind: 'done', evidence: { denials: fences.reduce((sum, fence) => sum + denials(fence).length, 0) } };
  },

  async run(context): Promise<StepOutcome> {
    const fences = await fencesAt(context);
    if (fences.length === 0) return { kind: 'skipped', message: 'no program has denied anybody to write there' };
    for (const fence of fences) await context.world.rights.remove(fence.cluster, denials(fence));
    const evidence = { denials: fences.reduce((sum, fence) => sum + denials(fence).length, 0) };
    return { kind: 'done', evidence };
  },
};

/** Takes back what the step denied or was about to deny, and nothing that somebody else had denied before. */
async function admit(context: StepContext, principals: readonly string[]): Promise<string> {
  const { from, facts } = await sideOf(context);
  const { fences = [] } = facts;
  const own = new Set([...principals, ...namesAtTarget(from, principals)]);
  const taken = fences.filter((fence) => fence.principals.every((principal) => own.has(principal)));
  for (const fence of taken) await context.world.rights.remove(fence.cluster, denials(fence));
  // An operator may deny the same later: no other program is to take that back.
  if (taken.length > 0) await context.note({ fences: fences.filter((fence) => !taken.includes(fence)) });
  const count = taken.filter(({ cluster }) => cluster === from.source).flatMap(denials).length;
  return `${count} denials to write are taken back`;
}

async function deny(context: StepContext, from: Route, fence: Fence): Promise<StepOutcome> {
  const { rights } = context.world;
  const { fences = [] } = context.recovery.facts[context.step.leg];
  const added = lackingIn(await rights.list(fence.cluster), fence, fences);
  if (added.length > 0) {
    const copies = await copiesOf(context, from, added);
    await context.note({ fences: [...fences, ...added, ...copies] });
  }
  await rights.add(fence.cluster, denials(fence));
  return { kind: 'done', evidence: { cluster: fence.cluster, denied: denials(fence).length } };
}

/** What is neither there nor known to be the program's own, for each principal. */
function lackingIn(there: readonly AclBinding[], fence: Fence, known: readonly Fence[]): readonly Fence[] {
  const { cluster, topics, principals } = fence;
  const own = known.filter((one) => one.cluster === cluster).flatMap(denials);
  const present = new Set([...there, ...own].map(aclKey));
  return principals
    .map((principal) => ({
      cluster,
      topics: topics.filter((topic) => !present.has(aclKey(denial(topic, principal)))),
      principals: [principal],
    }))
    .filter((one) => one.topics.length > 0);
}

/** As they will be made at the target where rights are copied: those that are only added to would keep them. */
async function copiesOf({ world }: StepContext, from: Route, fences: readonly Fence[]): Promise<readonly Fence[]> {
  if (from.acls === undefined) return [];
  try {
    const there = await world.rights.list(from.target);
    return fences.flatMap((fence) => lackingIn(there, copyOf(fence, from), []));
  } catch (error) {
    // Nothing is copied to where no rights are kept.
    if (isCausewayError(error, 'CLUSTER_RIGHTS_MISSING')) return [];
    throw error;
  }
}

/**
 * Denials of programs at the target of the leg: of others, and of this one those that were copied there with the source's rights before its
 * topics were retired.
 */
async function fencesAt(context: StepContext): Promise<readonly Fence[]> {
  const { from, to, facts } = await sideOf(context);
  const known = await allRecoveries(context.world.store);
  const others = known
    .filter(({ id, route, reverse }) => id !== context.recovery.id && sharesRoute([route, reverse], [from.name, to]))
    .flatMap(({ facts: found }) => [...(found.out.fences ?? []), ...(found.back.fences ?? [])]);
  return [...others, ...(facts.fences ?? [])].filter(({ cluster }) => cluster === from.target);
}

/** Denials at the source as the route's copying of rights makes them at the target: other topics, other principals. */
function copyOf({ topics, principals }: Fence, route: Route): Fence {
  return {
    cluster: route.target,
    topics: topics.map((topic) => targetTopicOf(route, topic)),
    principals: namesAtTarget(route, principals),
  };
}

function namesAtTarget(route: Route, principals: readonly string[]): readonly string[] {
  const names = new PrincipalNames(route.acls?.principals ?? { map: [], exclude: [] });
  return principals.map((principal) => names.at(principal)).filter((principal) => principal !== undefined);
}

function sharesRoute(a: readonly (string | undefined)[], b: readonly (string | undefined)[]): boolean {
  return a.some((name) => name !== undefined && b.includes(name));
}

function denials({ topics, principals }: Fence): readonly AclBinding[] {
  return topics.flatMap((topic) => principals.map((principal) => denial(topic, principal)));
}

function denial(name: string, principal: string): AclBinding {
  return {
    ...{ resource: 'topic', pattern: 'literal', name, principal, host: '*' },
    ...{ operation: 'write', permission: 'deny' },
  };
}
