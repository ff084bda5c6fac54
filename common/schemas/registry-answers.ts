import type { SchemaReference, SchemaVersion } from '../model/schema.js';

/** Reads an answer's JSON; undefined: it is none of this kind. */
export type Parsed<T> = (json: unknown) => T | undefined;

/** Fields of a version that are its data contract; everything else that a registry adds is its own affair. */
const EXTRAS = ['metadata', 'ruleSet'] as const;
/** A property that registries add by themselves: the version. With it, the same schema would be another one elsewhere. */
const OWN_PROPERTY = 'confluent:version';

export function parseList(json: unknown): readonly string[] | undefined {
  // Go's way of an empty list.
  if (json === null) return [];
  return Array.isArray(json) && json.every((item) => typeof item === 'string') ? json : undefined;
}

export function parseNumbers(json: unknown): readonly number[] | undefined {
  if (json === null) return [];
  return Array.isArray(json) && json.every((item) => Number.isSafeInteger(item)) ? json : undefined;
}

export function parseLevel(json: unknown): string | undefined {
  // Older registries answer a PUT with `compatibility`, and so do some a GET.
  return textOf(json, 'compatibilityLevel') ?? textOf(json, 'compatibility');
}

export function parseLeader(json: unknown): boolean | undefined {
  const value = isObject(json) ? json['master_available'] : undefined;
  return typeof value === 'boolean' ? value : undefined;
}

/** Of a rule, as Apicurio's own API tells it. */
export function parseRule(json: unknown): string | undefined {
  return textOf(json, 'config');
}

/** Of a version, as Apicurio's own API tells it. */
export function parseContentId(json: unknown): number | undefined {
  const id = isObject(json) ? json['contentId'] : undefined;
  return Number.isSafeInteger(id) ? (id as number) : undefined;
}

/** Of all that a search found, whatever part of it was asked for. */
export function parseCount(json: unknown): number | undefined {
  const count = isObject(json) ? json['count'] : undefined;
  return Number.isSafeInteger(count) ? (count as number) : undefined;
}

export function parseMode(json: unknown): string | undefined {
  return textOf(json, 'mode');
}

/** Newer registries tell the version, too. */
export function parseRegistered(json: unknown): { readonly id: number; readonly version?: number } | undefined {
  if (!isObject(json) || !Number.isSafeInteger(json['id'])) return undefined;
  const { id, version } = json;
  return { id: id as number, ...(Number.isSafeInteger(version) ? { version: version as number } : {}) };
}

/** Where a subject offers a schema. */
export interface PlacedSchema {
  readonly id: number;
  readonly version: number;
}

export function parsePlaced(json: unknown): PlacedSchema | undefined {
  if (!isObject(json)) return undefined;
  const { id, version } = json;
  if (!Number.isSafeInteger(id) || !Number.isSafeInteger(version)) return undefined;
  return { id: id as number, version: version as number };
}

/** @param known what the question said already, for answers that do not repeat it */
export function parseVersion(
  json: unknown,
  known?: Pick<SchemaVersion, 'subject' | 'version' | 'id'>,
): Omit<SchemaVersion, 'deleted'> | undefined {
  if (!isObject(json)) return undefined;
  const {
    subject = known?.subject,
    version = known?.version,
    id = known?.id,
    schema,
    schemaType = 'AVRO',
    references = [],
  } = json;
  const isNamed = typeof subject === 'string' && Number.isSafeInteger(version) && Number.isSafeInteger(id);
  if (!isNamed || typeof schema !== 'string' || typeof schemaType !== 'string') return undefined;
  const found = parseReferences(references);
  if (found === undefined) return undefined;
  const extras = extrasOf(json);
  return {
    subject,
    version: version as number,
    id: id as number,
    type: schemaType,
    text: schema,
    references: found,
    ...(Object.keys(extras).length === 0 ? {} : { extras }),
  };
}

function extrasOf(json: Record<string, unknown>): Readonly<Record<string, unknown>> {
  const extras: Record<string, unknown> = {};
  for (const key of EXTRAS) if (json[key] !== undefined && json[key] !== null) extras[key] = json[key];
  const { metadata } = extras;
  if (!isObject(metadata) || !isObject(metadata['properties'])) return extras;
  const { [OWN_PROPERTY]: _own, ...properties } = metadata['properties'];
  const { properties: _properties, ...rest } = metadata;
  const kept = Object.keys(properties).length === 0 ? rest : { ...rest, properties };
  if (Object.keys(kept).length === 0) delete extras['metadata'];
  else extras['metadata'] = kept;
  return extras;
}

function parseReferences(json: unknown): readonly SchemaReference[] | undefined {
  if (json === null) return [];
  if (!Array.isArray(json)) return undefined;
  const references = json.flatMap((item): SchemaReference[] => {
    if (!isObject(item)) return [];
    const { name, subject, version } = item;
    if (typeof name !== 'string' || typeof subject !== 'string' || !Number.isSafeInteger(version)) return [];
    return [{ name, subject, version: version as number }];
  });
  return references.length === json.length ? references : undefined;
}

function textOf(json: unknown, key: string): string | undefined {
  const value = isObject(json) ? json[key] : undefined;
  return typeof value === 'string' ? value : undefined;
}

function isObject(json: unknown): json is Record<string, unknown> {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}
