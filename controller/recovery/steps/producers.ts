import type { AclBinding } from '../../../common/model/acl.js';
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
    return await deny(context, { cluster: from.source, topics, principals });
  },

  undo: async (context) => {
    const { from, topics } = await sideOf(context);
    return await admit(context, { cluster: from.source, topics, principals: context.recovery.options.fencePrincipals });
  },
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
    return await deny(context, { cluster: from.source, topics, principals: [EVERYBODY] });
  },

  undo: async (context) => {
    const { from, topics } = await sideOf(context);
    return await admit(context, { cluster: from.source, topics, principals: [EVERYBODY] });
  },
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

/** All that the step may have denied: an attempt that broke off has not said how far it came. */
async function admit(context: StepContext, fence: Fence): Promise<string> {
  const { world } = context;
  const { from } = await sideOf(context);
  const taken = denials(fence);
  await world.rights.remove(fence.cluster, taken);
  // Rights that are only added to would keep what was copied meanwhile.
  if (from.acls !== undefined) await world.rights.remove(from.target, denials(copyOf(fence, from)));
  return `${taken.length} denials to write are taken back`;
}

async function deny(context: StepContext, fence: Fence): Promise<StepOutcome> {
  await context.world.rights.add(fence.cluster, denials(fence));
  const { fences = [] } = context.recovery.facts[context.step.leg];
  const evidence = { cluster: fence.cluster, denied: denials(fence).length };
  return { kind: 'done', evidence, facts: { fences: [...fences, fence] } };
}

/**
 * Denials of other programs at the target of the leg; and this program's own ones as they were copied there with the source's rights, before its topics
 * were retired.
 */
async function fencesAt(context: StepContext): Promise<readonly Fence[]> {
  const { from, to, facts } = await sideOf(context);
  const known = await allRecoveries(context.world.store);
  const others = known
    .filter(({ id, route, reverse }) => id !== context.recovery.id && sharesRoute([route, reverse], [from.name, to]))
    .flatMap(({ facts: found }) => [...(found.out.fences ?? []), ...(found.back.fences ?? [])])
    .filter(({ cluster }) => cluster === from.target);
  if (from.acls === undefined) return others;
  return [...others, ...(facts.fences ?? []).map((fence) => copyOf(fence, from))];
}

/** Denials at the source as the route's copying of rights makes them at the target: other topics, other principals. */
function copyOf({ topics, principals }: Fence, route: Route): Fence {
  const names = new PrincipalNames(route.acls?.principals ?? { map: [], exclude: [] });
  return {
    cluster: route.target,
    topics: topics.map((topic) => targetTopicOf(route, topic)),
    principals: principals.map((principal) => names.at(principal)).filter((principal) => principal !== undefined),
  };
}

function sharesRoute(a: readonly (string | undefined)[], b: readonly (string | undefined)[]): boolean {
  return a.some((name) => name !== undefined && b.includes(name));
}

function denials({ topics, principals }: Fence): readonly AclBinding[] {
  return topics.flatMap((name) =>
    principals.map((principal) => ({
      ...{ resource: 'topic' as const, pattern: 'literal' as const, name, principal, host: '*' },
      ...{ operation: 'write' as const, permission: 'deny' as const },
    })),
  );
}
