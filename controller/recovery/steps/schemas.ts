import { isCausewayError, messageOf } from '../../../common/errors/error.js';
import type { Evidence } from '../../../common/model/recovery.js';
import type { Route } from '../../../common/model/route.js';
import type { StepOutcome } from '../../core/recovery-state.js';
import { type LegSide, sideOf } from '../legs.js';
import type { SchemaTurn, StepContext, StepHandler } from '../ports.js';
import { within } from '../within.js';

const REGISTRIES_TIMEOUT_MS = 60_000;
/** A source that is gone is not waited for. */
const LAST_SYNC_TIMEOUT_MS = 15_000;

/**
 * The registry of the side that is written to from now on gives ids of its own. Before, in planned programs, it gets what it lacks. Where the
 * route of the other direction copies schemas and was stopped by a promotion, it copies again: the old source's registry is the copy then.
 */
export const promoteSchemas: StepHandler = {
  async look(context) {
    const side = await sideOf(context);
    const { schemas } = context.world;
    const idle = idleReason(context, side);
    if (idle !== undefined || schemas === undefined) return { kind: 'skipped', message: idle ?? 'no schemas here' };
    return { kind: 'done', evidence: await differences(context, schemas, side.from) };
  },

  async run(context): Promise<StepOutcome> {
    const side = await sideOf(context);
    const { schemas } = context.world;
    const idle = idleReason(context, side);
    if (schemas === undefined) return { kind: 'skipped', message: idle ?? 'no schemas here' };
    if (idle !== undefined) {
      const wayBack = await resumeWayBack(context, schemas, side);
      return wayBack === undefined ? { kind: 'skipped', message: idle } : { kind: 'done', evidence: { wayBack } };
    }
    const left = await copyTheRest(context, schemas, side.from);
    if (left > 0) return { kind: 'again', message: `${left} steps between the schema registries are left` };
    const { at, before, mode, lastSync } = await promote(context, schemas, side.from);
    const wayBack = await resumeWayBack(context, schemas, side);
    const evidence = {
      ...{ cluster: side.from.target, promotedAt: at, before, mode },
      ...(lastSync === null ? {} : { lastSync: lastSync.message }),
      ...(wayBack === undefined ? {} : { wayBack }),
    };
    return { kind: 'done', evidence };
  },

  async undo(context) {
    const { schemas, fleet } = context.world;
    const { from, facts } = await sideOf(context);
    if (schemas === undefined) return 'nothing';
    const done: string[] = [];
    const promotion = await schemas.promotion(from);
    if (promotion?.reason === reasonOf(context)) {
      done.push(await takeBack(context, schemas, from));
    }
    const resumed = facts.schemasResumed;
    const back = resumed === undefined ? undefined : await fleet.route(resumed);
    if (back !== undefined) {
      // Also where the promotion still stands: its registry may be in mode IMPORT already.
      await schemas.promote(back.value, { reason: `${reasonOf(context)} was given up`, lastSync: false });
      done.push(`those of route ${back.value.name} are not`);
    }
    return done.length === 0 ? 'no registry was promoted' : done.join(', ');
  },
};

/**
 * Before the promotion is forgotten its registry stops giving ids of its own: the source would give the same ones. What keeps it from that is
 * said, and for an operator; the rest of the program is taken back without it.
 */
async function takeBack(context: StepContext, schemas: SchemaTurn, route: Route): Promise<string> {
  let refusal = '';
  try {
    const switched = schemas.ensureImport(route, { takeover: false, resume: true });
    await within(context, LAST_SYNC_TIMEOUT_MS, `making the registry of cluster ${route.target} a copy`, switched);
  } catch (error) {
    if (context.signal.aborted || !isCausewayError(error)) throw error;
    refusal = `; its registry still gives ids of its own: ${error.code}: ${messageOf(error)} (then: causeway schemas sync --route ${route.name} --resume)`;
  }
  await schemas.resume(route);
  return `schemas are copied to cluster ${route.target} again${refusal}`;
}

function reasonOf({ recovery }: StepContext): string {
  return `recovery ${recovery.id}`;
}

/** Why nothing is to be promoted; undefined: something is. */
function idleReason({ world }: StepContext, { from }: LegSide): string | undefined {
  if (world.schemas === undefined) return 'schemas are not kept here';
  switch (from.schemas?.mode) {
    case undefined:
    case 'off':
      return 'the route copies no schemas';
    case 'report':
      return 'the route only compares schemas';
    case 'topic':
      return `the registry’s topic is not copied any more: have the registry of cluster ${from.target} lead`;
    case 'api':
      return undefined;
  }
}

async function differences(context: StepContext, schemas: SchemaTurn, route: Route): Promise<Evidence> {
  const cluster = route.target;
  try {
    const asked = schemas.compare(route);
    const { plan, target, promotion } = await within(context, LAST_SYNC_TIMEOUT_MS, 'comparing the registries', asked);
    const missing = plan.steps.filter(({ kind }) => kind === 'register').length;
    const counts = { missing, conflicts: plan.conflicts.length, extra: plan.extra.length };
    return { cluster, mode: target.mode, ...counts, ...(promotion === undefined ? {} : { promotedAt: promotion.at }) };
  } catch (error) {
    if (!isCausewayError(error)) throw error;
    return { cluster, missing: null, fault: `${error.code}: ${messageOf(error)}` };
  }
}

/** A planned program leaves nothing behind. @returns steps that are left @throws SCHEMA_CONFLICT, REGISTRY_UNREACHABLE... */
async function copyTheRest(context: StepContext, schemas: SchemaTurn, route: Route): Promise<number> {
  const { recovery } = context;
  if (recovery.kind === 'failover' || recovery.options.force) return 0;
  if ((await schemas.promotion(route)) !== undefined) return 0;
  return await within(context, REGISTRIES_TIMEOUT_MS, 'copying schemas', copyAll(schemas, route));
}

async function copyAll(schemas: SchemaTurn, route: Route): Promise<number> {
  const comparison = await schemas.compare(route);
  try {
    const { left } = await schemas.copy(route, comparison);
    // What refers to subjects that the route leaves out never comes over; the drift report says so.
    return left - comparison.plan.dangling.length;
  } catch (error) {
    if (!isCausewayError(error, 'REGISTRY_REFUSED')) throw error;
    const { plan } = await schemas.compare(route);
    const dangling = new Set(plan.dangling.map(({ version }) => version));
    const isWhole = plan.steps.every(
      (step) => step.kind === 'delete' || (step.kind === 'register' && dangling.has(step.version)),
    );
    // A version that stays on offer because something of the target's own refers to it keeps nobody from reading.
    if (isWhole) return 0;
    throw error;
  }
}

async function promote(context: StepContext, schemas: SchemaTurn, route: Route): ReturnType<SchemaTurn['promote']> {
  const reason = reasonOf(context);
  const { recovery } = context;
  const isLast = recovery.kind === 'failover' || recovery.options.force;
  if (isLast) {
    try {
      const promoted = schemas.promote(route, { reason, lastSync: true });
      return await within(context, LAST_SYNC_TIMEOUT_MS, 'copying schemas once more', promoted);
    } catch (error) {
      if (!isCausewayError(error, 'REQUEST_TIMEOUT')) throw error;
    }
  }
  const promoted = schemas.promote(route, { reason, lastSync: false });
  return await within(context, REGISTRIES_TIMEOUT_MS, 'promoting the registry', promoted);
}

/** Records go on without it: what keeps it from copying is said, and for an operator. @returns what became of it; undefined: nothing was to be done */
async function resumeWayBack(context: StepContext, schemas: SchemaTurn, { to }: LegSide): Promise<string | undefined> {
  const back = to === undefined ? undefined : (await context.world.fleet.route(to))?.value;
  if (back?.schemas?.mode !== 'api' || (await schemas.promotion(back)) === undefined) return undefined;
  try {
    const copied = schemas.compare(back).then(async (comparison) => {
      // An attempt that breaks off has said so: nothing else tells then that it was promoted before.
      await context.note({ schemasResumed: back.name });
      await schemas.copy(back, comparison, { takeover: false, resume: true });
      await schemas.resume(back);
    });
    await within(context, REGISTRIES_TIMEOUT_MS, `copying schemas of route ${back.name}`, copied);
    return 'copied again';
  } catch (error) {
    if (!isCausewayError(error)) throw error;
    return `not copied again: ${error.code}: ${messageOf(error)} (then: causeway schemas sync --route ${back.name} --resume)`;
  }
}
