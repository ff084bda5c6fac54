import type { Route } from '../../common/model/route.js';
import type { SchemaPlanItem } from '../../common/model/schema-item.js';
import type { SchemaStep } from '../core/schema-sync.js';
import { conflictText, copyFault } from './schema-faults.js';
import type { SchemaComparison } from './schema-sync.js';

/** A line of the report, and the step that ends it. */
export interface SchemaItem {
  readonly item: SchemaPlanItem;
  readonly step?: SchemaStep;
}

type Compared = Pick<SchemaComparison, 'plan' | 'promotion'>;

/** What differs between the registries. Steps may be taken where nothing stands in the way of the plan as a whole. */
export function schemaItems(route: Pick<Route, 'name' | 'target'>, compared: Compared): readonly SchemaItem[] {
  const { plan } = compared;
  const { target: cluster } = route;
  const why = whyShut(route, compared);
  const isOpen = why === '';
  const unusable = new Map(plan.dangling.map(({ version, reference }) => [version, reference]));
  const steps = plan.steps.map((step): SchemaItem => {
    const missing = step.kind === 'register' ? unusable.get(step.version) : undefined;
    const lacks =
      missing === undefined ? '' : `; it refers to ${missing.subject} version ${missing.version}, which is not copied`;
    const applies = isOpen && missing === undefined;
    const item = stepItem(step, cluster, `${lacks}${why}`, applies);
    return applies ? { item, step } : { item };
  });
  const conflicts = plan.conflicts.map((conflict): SchemaItem => {
    const { subject, version, id } = conflict.source;
    const places = { subject, version, id, before: `id ${conflict.target.id}`, after: `id ${id}` };
    return { item: { ...REPORT, kind: 'schema-conflict', cluster, ...places, reason: conflictText(conflict) } };
  });
  const { heldLevel } = plan;
  const held = heldLevel === undefined ? [] : [{ item: stepItem(heldLevel, cluster, `; ${OWN_VERSIONS}`, false) }];
  const extra = plan.extra.map(({ subject, version, id }): SchemaItem => {
    const reason = 'the source does not have it, or the route leaves it out; nothing is ever taken from a registry';
    return {
      item: { ...REPORT, kind: 'schema-extra', cluster, subject, version, id, before: `id ${id}`, after: null, reason },
    };
  });
  return [...conflicts, ...steps, ...held, ...extra];
}

function whyShut(route: Pick<Route, 'name' | 'target'>, { plan, promotion }: Compared): string {
  if (plan.conflicts.length > 0) return '; nothing is copied while there are conflicts';
  if (promotion !== undefined) return '; the target was promoted';
  if (copyFault(route, plan, false) === undefined) return '';
  return `; ${OWN_VERSIONS}`;
}

const OWN_VERSIONS = 'the target has versions of its own; causeway schemas sync --takeover';

const REPORT = { action: 'report', applies: false } as const;

function stepItem(step: SchemaStep, cluster: string, more: string, applies: boolean): SchemaPlanItem {
  switch (step.kind) {
    case 'register': {
      const { subject, version, id, type } = step.version;
      const reason = `at the source, not at the target${more}`;
      const places = { subject, version, id, before: null, after: `${type} id ${id}` };
      return { kind: 'schema-version', action: 'create', cluster, ...places, reason, applies };
    }
    case 'delete': {
      const { subject, version, id } = step;
      const reason = `deleted at the source (its id stays)${more}`;
      return {
        kind: 'schema-version',
        action: 'delete',
        cluster,
        subject,
        version,
        id,
        before: `id ${id}`,
        after: null,
        reason,
        applies,
      };
    }
    case 'level': {
      const { subject, before, level: after } = step;
      const reason = `${subject === null ? 'the registry’s' : 'the subject’s'} level at the source${more}`;
      const action = before === null ? 'create' : after === null ? 'delete' : 'change';
      return {
        kind: 'schema-compatibility',
        action,
        cluster,
        subject,
        version: null,
        id: null,
        before,
        after,
        reason,
        applies,
      };
    }
  }
}
