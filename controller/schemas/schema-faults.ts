import { CausewayError } from '../../common/errors/error.js';
import type { Route } from '../../common/model/route.js';
import type { SchemaConflict, SchemaPlan } from '../core/schema-sync.js';

/** Conflicts that a message names. */
const MAX_NAMED = 10;

/** Why nothing can be copied by a plan; undefined: nothing stands in its way. @param takeover what the target has of its own may stay there */
export function copyFault(
  route: Pick<Route, 'name' | 'target'>,
  { conflicts, needsImport, extra }: Pick<SchemaPlan, 'conflicts' | 'needsImport' | 'extra'>,
  takeover: boolean,
): CausewayError | undefined {
  if (conflicts.length > 0) return conflictError(route, conflicts);
  const [first] = extra;
  if (!needsImport || first === undefined || takeover) return undefined;
  return new CausewayError(
    'SCHEMA_CONFLICT',
    `the registry of cluster ${route.target} has ${extra.length} versions that the source does not have (${first.subject} version ${first.version}...) and takes schemas of its own`,
    {
      place: { route: route.name, cluster: route.target },
      fix: 'As a copy it must not: if nobody registers there any more, "causeway schemas sync --takeover" switches it to mode IMPORT. Else give the route a context of its own (schemas.context).',
    },
  );
}

function conflictError(route: Pick<Route, 'name' | 'target'>, conflicts: readonly SchemaConflict[]): CausewayError {
  const named = conflicts.slice(0, MAX_NAMED).map(conflictText);
  const more = conflicts.length > MAX_NAMED ? `; and ${conflicts.length - MAX_NAMED} more` : '';
  return new CausewayError(
    'SCHEMA_CONFLICT',
    `the registry of cluster ${route.target} has other schemas under the source’s ids: ${named.join('; ')}${more}`,
    {
      place: { route: route.name, cluster: route.target },
      fix: 'Nothing was copied. Give the route a context of its own at the target (schemas.context), leave the subjects out (schemas.subjects.exclude), or have the records’ ids translated.',
    },
  );
}

export function conflictText({ source, target, what }: SchemaConflict): string {
  const place = `${source.subject} version ${source.version}`;
  if (what === 'id')
    return `id ${source.id} is ${place} at the source and ${target.subject} version ${target.version} at the target`;
  return `${place} has id ${source.id} at the source and id ${target.id} at the target`;
}
