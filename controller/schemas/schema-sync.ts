import type { CoordinationStore } from '../../common/coordination/ports.js';
import {
  decodeSchemaPromotion,
  encodeSchemaPromotion,
  type SchemaPromotion,
} from '../../common/coordination/records/schemas.js';
import { schemasPath } from '../../common/coordination/znodes.js';
import { CausewayError, isCausewayError, messageOf } from '../../common/errors/error.js';
import type { Route } from '../../common/model/route.js';
import { IMPORT, READWRITE, type RegistryMode, type RegistryState, subjectIn } from '../../common/model/schema.js';
import type { SchemaPolicy } from '../../common/model/schema-policy.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { PlacedSchema } from '../../common/schemas/registry-answers.js';
import type { RegisteredSchema } from '../../common/schemas/registry-client.js';
import { planSchemas, type SchemaPlan, type SchemaStep } from '../core/schema-sync.js';
import { apiPolicyOf, type RouteRegistries, subjectFilter } from './route-registries.js';
import { copyFault } from './schema-faults.js';

/** Steps of one round; a large registry comes over in several. */
const MAX_STEPS_PER_ROUND = 2_000;

export interface SchemaComparison {
  readonly policy: SchemaPolicy;
  readonly source: RegistryState;
  readonly target: RegistryState;
  readonly plan: SchemaPlan;
  readonly promotion: SchemaPromotion | undefined;
}

export interface SchemaRound {
  readonly registered: number;
  readonly deleted: number;
  readonly levels: number;
  readonly left: number;
  /** The target's, after it. */
  readonly registryMode: RegistryMode;
}

/** What an operator says besides. */
export interface CopyWill {
  /** What the target has of its own may stay there, and nobody registers it any more. */
  readonly takeover: boolean;
  /** It was promoted, and is a copy from now on. */
  readonly resume: boolean;
}

/** Schemas from registry to registry with their ids: compared, copied, and the copy promoted. */
export class SchemaSync {
  readonly #store: CoordinationStore;
  readonly #registries: RouteRegistries;
  readonly #clock: Clock;

  constructor(store: CoordinationStore, registries: RouteRegistries, clock: Clock) {
    this.#store = store;
    this.#registries = registries;
    this.#clock = clock;
  }

  /**
   * @param takeover plan for a target that is somebody's own, too
   * @throws REGISTRY_MISSING, REGISTRY_UNREACHABLE, REGISTRY_REFUSED, REGISTRY_PROTOCOL, INVALID_REQUEST
   */
  async compare(
    route: Route,
    { takeover }: { readonly takeover: boolean } = { takeover: false },
  ): Promise<SchemaComparison> {
    const policy = apiPolicyOf(route);
    const takes = subjectFilter(policy);
    const [source, found] = await Promise.all([
      this.#registries.of(route.source).reader.read({ context: undefined, takes }),
      this.#registries.of(route.target).reader.read({ context: policy.context, takes: () => true }),
    ]);
    // What the route leaves out may be there; within its choice everything is judged. The level of a registry is not that of a context.
    const compatibility = policy.context === undefined ? found.compatibility : source.compatibility;
    const target = { ...found, compatibility };
    const plan = planSchemas(source, target, takeover);
    return { policy, source, target, plan, promotion: await this.promotion(route) };
  }

  /** Does what a comparison found missing; an operator's word makes the target a copy also where nothing is. @throws SCHEMA_CONFLICT, REGISTRY_REFUSED... */
  async copy(
    route: Route,
    { policy, plan, target }: SchemaComparison,
    { takeover, resume }: CopyWill = { takeover: false, resume: false },
  ): Promise<SchemaRound> {
    const needsImport = plan.needsImport || ((takeover || resume) && target.mode !== IMPORT);
    const fault = copyFault(route, { ...plan, needsImport }, takeover);
    if (fault !== undefined) throw fault;
    if (needsImport) await this.#setImport(route, policy.context, { force: target.versions.length > 0, resume });
    const unusable = new Set(plan.dangling.map(({ version }) => version));
    const steps = plan.steps.filter((step) => step.kind !== 'register' || !unusable.has(step.version));
    const done = { registered: 0, deleted: 0, levels: 0 };
    let refused: unknown;
    for (const step of steps.slice(0, MAX_STEPS_PER_ROUND)) {
      try {
        await this.step(route, policy, step);
      } catch (error) {
        // Something that only the target has may refer to it: that must not keep away all the rest.
        if (step.kind !== 'delete' || !isCausewayError(error, 'REGISTRY_REFUSED')) throw error;
        refused ??= error;
        continue;
      }
      done[COUNTED[step.kind]] += 1;
    }
    if (refused !== undefined) throw refused;
    const left = Math.max(0, steps.length - MAX_STEPS_PER_ROUND) + plan.dangling.length;
    return { ...done, left, registryMode: needsImport ? IMPORT : target.mode };
  }

  /** One step; repeating it does no harm. */
  async step(route: Route, { context }: SchemaPolicy, step: SchemaStep): Promise<void> {
    const { client } = this.#registries.of(route.target);
    switch (step.kind) {
      case 'register': {
        const { subject, version, id } = step.version;
        const given = await client.registerAs(subjectIn(context, subject), step.version, { version, id });
        if (given.id !== id || given.version !== version) throw wrongPlace(route, subject, { version, id }, given);
        return;
      }
      case 'delete':
        await client.deleteVersion(subjectIn(context, step.subject), step.version);
        return;
      case 'level':
        await client.setLevel(step.subject === null ? null : subjectIn(context, step.subject), step.level);
        return;
    }
  }

  /**
   * Before steps of a plan that was made elsewhere, and where a promotion is taken back. A target that is somebody's own by now is left alone.
   * @throws SCHEMA_CONFLICT, REGISTRY_REFUSED...; INVALID_REQUEST: promoted, and not to be resumed, or otherwise than when this was asked for
   */
  async ensureImport(route: Route, { takeover, resume }: CopyWill): Promise<void> {
    const { context } = apiPolicyOf(route);
    const { client } = this.#registries.of(route.target);
    const before = await this.promotion(route);
    if ((await client.mode(context)) === IMPORT) return;
    const { plan, promotion } = await this.compare(route, { takeover });
    // Comparing may take long, and whoever asked may have given up: a later promotion is not his to take back.
    if (promotion?.at !== before?.at) {
      throw new CausewayError(
        'INVALID_REQUEST',
        `route ${route.name} was promoted or resumed while its registries were compared`,
        {
          place: { route: route.name },
          fix: 'See causeway schemas drift, and order it again.',
        },
      );
    }
    const fault = copyFault(route, { ...plan, needsImport: true }, takeover);
    if (fault !== undefined) throw fault;
    await this.#setImport(route, context, { force: true, resume });
  }

  async promotion({ name, target }: Pick<Route, 'name' | 'target'>): Promise<SchemaPromotion | undefined> {
    const path = schemasPath(name);
    const node = await this.#store.get(path);
    const found = node === undefined ? undefined : decodeSchemaPromotion(node.data, path);
    return found?.target === target ? found : undefined;
  }

  /**
   * The target's registry gives ids of its own from now on, and nothing is copied into it: a step of a failover. Repeating it does no harm.
   * @param lastSync copy what is missing first; a source that does not answer keeps nobody from promoting
   */
  async promote(
    route: Route,
    { reason, lastSync }: { readonly reason: string; readonly lastSync: boolean },
  ): Promise<{
    readonly at: string;
    readonly before: string;
    readonly mode: string;
    readonly lastSync: { readonly done: boolean; readonly message: string } | null;
  }> {
    const { context } = apiPolicyOf(route);
    const { client } = this.#registries.of(route.target);
    const already = await this.promotion(route);
    const last = lastSync && already === undefined ? await this.#lastSync(route) : null;
    const before = await client.mode(context);
    // Said first: from here on no round of the leader's switches it back.
    const at = already?.at ?? new Date(this.#clock.wallMs()).toISOString();
    if (already === undefined) await this.#write({ route: route.name, target: route.target, at, reason });
    if (before !== READWRITE) await client.setMode(READWRITE, context, false);
    return { at, before, mode: await client.mode(context), lastSync: last };
  }

  /** The target is a copy again, from the next round on. */
  async resume({ name }: Pick<Route, 'name'>): Promise<void> {
    const path = schemasPath(name);
    const node = await this.#store.get(path);
    if (node !== undefined) await this.#store.remove(path, node.version);
  }

  async #lastSync(route: Route): Promise<{ readonly done: boolean; readonly message: string }> {
    try {
      const comparison = await this.compare(route);
      if (comparison.policy.mode !== 'api')
        return { done: false, message: 'schemas.mode is report: nothing is copied' };
      const { registered, left } = await this.copy(route, comparison);
      return { done: left === 0, message: `${registered} versions were registered, ${left} are missing` };
    } catch (error) {
      return { done: false, message: messageOf(error) };
    }
  }

  async #write(promotion: SchemaPromotion): Promise<void> {
    const path = schemasPath(promotion.route);
    try {
      await this.#store.create(path, encodeSchemaPromotion(promotion));
    } catch (error) {
      if (!isCausewayError(error, 'NODE_EXISTS')) throw error;
      const node = await this.#store.get(path);
      await this.#store.set(path, encodeSchemaPromotion(promotion), node?.version ?? 0);
    }
  }

  async #expectUnpromoted(route: Route, undo?: () => Promise<void>): Promise<void> {
    const promotion = await this.promotion(route);
    if (promotion === undefined) return;
    await undo?.();
    throw new CausewayError('INVALID_REQUEST', `the target’s registry was promoted at ${promotion.at}`, {
      place: { route: route.name, cluster: route.target },
      fix: 'To make it a copy again, say so: resume.',
    });
  }

  async #setImport(
    route: Route,
    context: string | undefined,
    { force, resume }: { readonly force: boolean; readonly resume: boolean },
  ): Promise<void> {
    const { client } = this.#registries.of(route.target);
    if (!resume) await this.#expectUnpromoted(route);
    const fix =
      'Ids can only be kept by a registry that has mode IMPORT (Confluent’s, with mode.mutability on) or by Apicurio 3. For others, Karapace for one, mirror the registry’s topic: schemas.mode topic.';
    const place = { route: route.name, cluster: route.target };
    try {
      await client.setMode(IMPORT, context, force);
    } catch (error) {
      if (!isCausewayError(error, 'REGISTRY_REFUSED')) throw error;
      const message = `the registry of cluster ${route.target} cannot be switched to mode IMPORT: ${messageOf(error)}`;
      throw new CausewayError('REGISTRY_REFUSED', message, { place, fix, cause: error });
    }
    if (!resume) {
      // Somebody promoted it in between: their word counts.
      await this.#expectUnpromoted(route, () => client.setMode(READWRITE, context, false));
    }
    const mode = await client.mode(context);
    if (mode === IMPORT) return;
    throw new CausewayError('REGISTRY_REFUSED', `the registry of cluster ${route.target} stays in mode ${mode}`, {
      place,
      fix,
    });
  }
}

const COUNTED = { register: 'registered', delete: 'deleted', level: 'levels' } as const;

function wrongPlace(
  route: Route,
  subject: string,
  { version, id }: PlacedSchema,
  given: RegisteredSchema,
): CausewayError {
  const where = given.version === null ? 'without that version' : `as version ${given.version}`;
  const text = `the registry of cluster ${route.target} was to take ${subject} version ${version} under id ${id}, and has it ${where} under id ${given.id}`;
  return new CausewayError('REGISTRY_REFUSED', text, {
    place: { route: route.name, cluster: route.target },
    fix: 'It does not keep ids. Nothing more is copied; mirror the registry’s topic instead (schemas.mode topic).',
  });
}
