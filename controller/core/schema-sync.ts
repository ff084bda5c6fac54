import {
  IMPORT,
  type RegistryState,
  type SchemaReference,
  type SchemaVersion,
  schemaFingerprint,
} from '../../common/model/schema.js';

/** A step towards the source's state; in the order of the plan. Subjects are the source's names. */
export type SchemaStep =
  | { readonly kind: 'register'; readonly version: SchemaVersion }
  | { readonly kind: 'delete'; readonly subject: string; readonly version: number; readonly id: number }
  | {
      readonly kind: 'level';
      readonly subject: string | null;
      readonly before: string | null;
      readonly level: string | null;
    };

/** The step to another level of the whole registry. */
type RegistryLevel = Extract<SchemaStep, { kind: 'level' }> & {
  readonly subject: null;
  readonly before: string;
  readonly level: string;
};

export interface SchemaConflict {
  readonly source: SchemaVersion;
  readonly target: SchemaVersion;
  readonly what: 'id' | 'version';
}

export interface SchemaPlan {
  readonly steps: readonly SchemaStep[];
  /** Not empty: nothing is done. Records of the source would be read with another schema at the target. */
  readonly conflicts: readonly SchemaConflict[];
  /** At the target only; nothing is ever taken from a registry. */
  readonly extra: readonly SchemaVersion[];
  /** The registry's level differs and is left alone: the target is somebody's own, and what is only there would be judged by it. */
  readonly heldLevel: RegistryLevel | undefined;
  /** The target hands out ids of its own, and must not while it is a copy. */
  readonly needsImport: boolean;
  /** Not to be registered: each with a reference to a version that the source does not have, that the route leaves out, or that is one of these itself. */
  readonly dangling: readonly DanglingVersion[];
}

interface DanglingVersion {
  readonly version: SchemaVersion;
  readonly reference: SchemaReference;
}

/**
 * What is to be done at the target. Pure; equal states give equal plans.
 * @param target with the source's names of subjects
 * @param takeover what the target has of its own may stay there, and nobody registers it any more
 */
export function planSchemas(source: RegistryState, target: RegistryState, takeover = false): SchemaPlan {
  const present = new Map(target.versions.map((version) => [placeOf(version), version]));
  const conflicts = conflictsOf(source.versions, target.versions, present);
  const wanted = new Set(source.versions.map(placeOf));
  const extra = target.versions.filter((version) => !wanted.has(placeOf(version))).sort(byPlace);
  const ordered = inOrder(source.versions);
  const dangling = danglingOf(ordered, present);
  const isOwn = target.mode !== IMPORT && extra.length > 0 && !takeover;
  const level = registryLevel(source, target);
  const levels = [...(level === undefined || isOwn ? [] : [level]), ...subjectLevels(source, target)];
  const lacking = new Set(dangling.map(({ version }) => version));
  const steps = [...versionSteps(ordered, present, lacking), ...levels];
  const registers = steps.some((step) => step.kind === 'register' && !lacking.has(step.version));
  const needsImport = registers && target.mode !== IMPORT;
  return { steps, conflicts, extra, heldLevel: isOwn ? level : undefined, needsImport, dangling };
}

/** Every version behind those it refers to; a subject's in their order. A circle (no registry takes one) is broken anywhere. */
function inOrder(versions: readonly SchemaVersion[]): readonly SchemaVersion[] {
  const bySubject = new Map<string, SchemaVersion[]>();
  for (const version of [...versions].sort(byPlace)) {
    const list = bySubject.get(version.subject);
    if (list === undefined) bySubject.set(version.subject, [version]);
    else list.push(version);
  }
  const byName = new Map(versions.map((version) => [placeOf(version), version]));
  const ordered: SchemaVersion[] = [];
  const seen = new Set<string>();
  // With a stack of its own: chains of references are as long as their authors like.
  for (const start of [...versions].sort((a, b) => a.id - b.id || byPlace(a, b))) {
    const stack = [{ version: start, isDone: false }];
    while (stack.length > 0) {
      const top = stack.pop() as { version: SchemaVersion; isDone: boolean };
      if (top.isDone) {
        ordered.push(top.version);
        continue;
      }
      if (seen.has(placeOf(top.version))) continue;
      seen.add(placeOf(top.version));
      stack.push({ version: top.version, isDone: true });
      for (const reference of top.version.references) {
        const needed = byName.get(placeOf(reference));
        if (needed !== undefined) stack.push({ version: needed, isDone: false });
      }
      const former = (bySubject.get(top.version.subject) ?? []).filter(({ version }) => version < top.version.version);
      const last = former.at(-1);
      if (last !== undefined) stack.push({ version: last, isDone: false });
    }
  }
  return ordered;
}

/** A registry refuses what refers to a version that it does not have, whoever it was that left that one out. */
function danglingOf(
  ordered: readonly SchemaVersion[],
  present: ReadonlyMap<string, SchemaVersion>,
): readonly DanglingVersion[] {
  const taken = new Set(ordered.map(placeOf));
  const dangling = new Map<string, DanglingVersion>();
  for (const version of ordered) {
    if (isThere(version, present)) continue;
    const reference = version.references.find((one) => {
      const needed = placeOf(one);
      return !taken.has(needed) || (dangling.has(needed) && !present.has(needed));
    });
    if (reference !== undefined) dangling.set(placeOf(version), { version, reference });
  }
  return [...dangling.values()];
}

/** The target has the version, and offers it if the source does. */
function isThere(version: SchemaVersion, present: ReadonlyMap<string, SchemaVersion>): boolean {
  const there = present.get(placeOf(version));
  return there !== undefined && (version.deleted || !there.deleted);
}

/**
 * A registry takes a schema that a subject offers already for the version it has: a deleted version is deleted before the same schema comes
 * again. All others are deleted last, so that what refers to them can be registered.
 * @param lacking not to be registered, so that there is nothing to delete
 */
function versionSteps(
  ordered: readonly SchemaVersion[],
  present: ReadonlyMap<string, SchemaVersion>,
  lacking: ReadonlySet<SchemaVersion>,
): SchemaStep[] {
  const steps: SchemaStep[] = [];
  const toDelete = new Map<string, SchemaVersion>();
  for (const version of ordered) {
    if (!isThere(version, present)) {
      for (const former of [...toDelete.values()]) {
        if (former.subject === version.subject && former.id === version.id) steps.push(...deletions(former, toDelete));
      }
      steps.push({ kind: 'register', version });
    }
    const isDeleted = present.get(placeOf(version))?.deleted === true;
    if (version.deleted && !isDeleted && !lacking.has(version)) toDelete.set(placeOf(version), version);
  }
  // What refers to others stands behind them.
  for (const former of [...toDelete.values()].reverse()) steps.push(...deletions(former, toDelete));
  return steps;
}

/** Takes a version out of those to delete, and before it all that refer to it: no registry lets go of what something offered refers to. */
function deletions(version: SchemaVersion, toDelete: Map<string, SchemaVersion>): SchemaStep[] {
  const place = placeOf(version);
  if (!toDelete.delete(place)) return [];
  const referrers = [...toDelete.values()].filter(({ references }) =>
    references.some((reference) => placeOf(reference) === place),
  );
  return [...referrers.flatMap((referrer) => deletions(referrer, toDelete)), deletion(version)];
}

function deletion({ subject, version, id }: SchemaVersion): SchemaStep {
  return { kind: 'delete', subject, version, id };
}

/** For subjects without a level of their own, whoever registers them. */
function registryLevel(
  { compatibility: level }: RegistryState,
  { compatibility: before }: RegistryState,
): RegistryLevel | undefined {
  return level === '' || level === before ? undefined : { kind: 'level', subject: null, before, level };
}

function subjectLevels(source: RegistryState, target: RegistryState): SchemaStep[] {
  const steps: SchemaStep[] = [];
  const ours = new Set(source.versions.map(({ subject }) => subject));
  for (const subject of [...ours].sort()) {
    const level = source.levels.get(subject) ?? null;
    const before = target.levels.get(subject) ?? null;
    if (level !== before) steps.push({ kind: 'level', subject, before, level });
  }
  return steps;
}

function conflictsOf(
  source: readonly SchemaVersion[],
  target: readonly SchemaVersion[],
  present: ReadonlyMap<string, SchemaVersion>,
): SchemaConflict[] {
  const byId = new Map(target.map((version) => [version.id, version]));
  const found = new Map<string, SchemaConflict>();
  for (const version of [...source].sort(byPlace)) {
    const sameId = byId.get(version.id);
    if (sameId !== undefined && schemaFingerprint(sameId) !== schemaFingerprint(version)) {
      found.set(`id ${version.id}`, { source: version, target: sameId, what: 'id' });
      continue;
    }
    const there = present.get(placeOf(version));
    if (there !== undefined && there.id !== version.id) {
      found.set(placeOf(version), { source: version, target: there, what: 'version' });
    }
  }
  return [...found.values()];
}

function placeOf({ subject, version }: Pick<SchemaVersion, 'subject' | 'version'>): string {
  return JSON.stringify([subject, version]);
}

function byPlace(a: SchemaVersion, b: SchemaVersion): number {
  if (a.subject !== b.subject) return a.subject < b.subject ? -1 : 1;
  return a.version - b.version;
}
