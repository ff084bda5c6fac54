import { assertNever } from '../../common/errors/assert.js';
import type { PartitionMap } from '../../common/model/offset-map.js';
import { translate } from '../../common/model/offset-map-lookup.js';
import type { RecordRules } from '../../common/model/record-rules.js';
import type { Route } from '../../common/model/route.js';
import { type Content, sameBytes, sameHeaders } from './recovery-stranded.js';

/** How a part of a record is at the target: as it was, the same behind another schema id, or not to be told. */
type Part = 'same' | 'behind-id' | 'changed';

/** What of a record the route leaves as it is. */
export interface Comparable {
  readonly key: Part;
  readonly value: Part;
  readonly headers: Part;
}

export function comparableOf({
  rules,
  provenance,
  schemaIds,
}: Pick<Route, 'rules' | 'provenance' | 'schemaIds'>): Comparable {
  const changed = changedBy(rules);
  const part = (name: 'key' | 'value', hasId: boolean | undefined): Part =>
    changed.has(name) ? 'changed' : hasId === true ? 'behind-id' : 'same';
  return {
    key: part('key', schemaIds?.keys),
    value: part('value', schemaIds?.values),
    headers: changed.has('headers') || provenance === true ? 'changed' : 'same',
  };
}

function changedBy(rules: RecordRules | undefined): ReadonlySet<'key' | 'value' | 'headers'> {
  const changed = new Set<'key' | 'value' | 'headers'>();
  for (const { action } of rules?.list ?? []) {
    switch (action.do) {
      case 'mask':
      case 'hash':
      case 'remove':
        changed.add(action.part ?? 'value');
        break;
      case 'set-key':
        changed.add('key');
        break;
      case 'add-header':
      case 'strip-headers':
        changed.add('headers');
        break;
      case 'keep':
      case 'drop':
      case 'sample':
      case 'route':
        break;
      default:
        assertNever(action, 'action of a rule');
    }
  }
  return changed;
}

/** For people: what was compared, and what could not be. */
export function comparedParts(comparable: Comparable): string {
  const parts = Object.entries(comparable) as [string, Part][];
  const names = (wanted: Part): string =>
    parts
      .filter(([, part]) => part === wanted)
      .map(([name]) => name)
      .join(', ');
  const told = [
    ['same', ''],
    ['behind-id', ' behind the schema id'],
  ] as const;
  const compared = told.flatMap(([part, more]) => (names(part) === '' ? [] : [`${names(part)}${more}`])).join('; ');
  const changed = names('changed');
  const base = compared === '' ? 'offsets only' : `offsets; ${compared}`;
  return changed === '' ? base : `${base} (not ${changed}: the route changes them)`;
}

/** The part in which a copy is not what the route makes of its original; undefined: it is. */
export function differentPart(
  original: Content,
  copy: Content,
  comparable: Comparable,
): 'key' | 'value' | 'headers' | undefined {
  if (!sameAs(comparable.key, original.key, copy.key)) return 'key';
  if (!sameAs(comparable.value, original.value, copy.value)) return 'value';
  if (comparable.headers === 'same' && !sameHeaders(original.headers, copy.headers)) return 'headers';
  return undefined;
}

const ID_BYTES = 5;

function sameAs(part: Part, original: Uint8Array | null, copy: Uint8Array | null): boolean {
  if (part === 'changed') return true;
  const hasId = part === 'behind-id' && original !== null && original.length >= ID_BYTES && original[0] === 0;
  if (!hasId || copy === null) return sameBytes(original, copy);
  return copy[0] === 0 && sameBytes(original.subarray(ID_BYTES), copy.subarray(ID_BYTES));
}

interface Placed extends Content {
  readonly offset: bigint;
}

export interface Alignment {
  /** Pairs whose contents were compared. */
  readonly records: number;
  /** Originals that were not copied, as the offset map has it (dropped, sent elsewhere, refused), or whose copy was compacted away. */
  readonly leftOut: number;
  readonly fault: string | undefined;
}

/**
 * What a consumer would get next at the source, beside what it would get at the target from `position` on: each original by the offset that
 * the map gives its copy.
 */
export function aligned(
  originals: readonly Placed[],
  copies: readonly Placed[],
  {
    map,
    position,
    comparable,
  }: { readonly map: PartitionMap; readonly position: bigint; readonly comparable: Comparable },
): Alignment {
  const byOffset = new Map(copies.map((copy) => [copy.offset, copy]));
  const lastRead = copies.at(-1)?.offset ?? -1n;
  let records = 0;
  let leftOut = 0;
  for (const original of originals) {
    const found = translate(map, original.offset);
    if (found.kind !== 'exact') {
      if (found.kind === 'hole') leftOut += 1;
      continue;
    }
    if (found.offset < position) {
      const fault = `the copy of source offset ${original.offset} is at target offset ${found.offset}, before the position: it would be skipped`;
      return { records, leftOut, fault };
    }
    if (found.offset > lastRead) break;
    const copy = byOffset.get(found.offset);
    if (copy === undefined) {
      leftOut += 1;
      continue;
    }
    const part = differentPart(original, copy, comparable);
    if (part !== undefined) {
      const fault = `source offset ${original.offset} and target offset ${copy.offset} differ in their ${part}`;
      return { records, leftOut, fault };
    }
    records += 1;
  }
  return { records, leftOut, fault: undefined };
}
