import type { SchemaPlanItem } from '../../common/model/schema-item.js';
import type { SchemaPlan, SchemaStep } from '../core/schema-sync.js';
import { conflictText } from './schema-faults.js';

/** A line of the report, and the step that ends it. */
export interface SchemaItem {
  readonly item: SchemaPlanItem;
  readonly step?: SchemaStep;
}

/** What differs between the registries. @param isOpen steps may be taken: no conflict, not promoted */
export function schemaItems(plan: SchemaPlan, cluster: string, isOpen: boolean): readonly SchemaItem[] {
  const why = isOpen
    ? ''
    : plan.conflicts.length > 0
      ? '; nothing is copied while there are conflicts'
      : '; the target was promoted';
  const unusable = new Map(plan.dangling.map(({ version, reference }) => [version, reference]));
  const steps = plan.steps.map((step): SchemaItem => {
    const missing = step.kind === 'register' ? unusable.get(step.version) : undefined;
    const lacks =
      missing === undefined
        ? ''
        : `; it refers to ${missing.subject} version ${missing.version}, which the route does not take`;
    const applies = isOpen && missing === undefined;
    const item = stepItem(step, cluster, `${lacks}${why}`, applies);
    return applies ? { item, step } : { item };
  });
  const conflicts = plan.conflicts.map((conflict): SchemaItem => {
    const { subject, version, id } = conflict.source;
    const places = { subject, version, id, before: `id ${conflict.target.id}`, after: `id ${id}` };
    return { item: { ...REPORT, kind: 'schema-conflict', cluster, ...places, reason: conflictText(conflict) } };
  });
  const extra = plan.extra.map(({ subject, version, id }): SchemaItem => {
    const reason = 'the source does not have it, or the route leaves it out; nothing is ever taken from a registry';
    return {
      item: { ...REPORT, kind: 'schema-extra', cluster, subject, version, id, before: `id ${id}`, after: null, reason },
    };
  });
  return [...conflicts, ...steps, ...extra];
}

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
