import { itemBase } from './rights-shapes.js';
import { z } from './zod.js';

/* Schema registries of a route, as REST tells them. */

export const schemaPlanItem = z.object({
  kind: z.enum(['schema-version', 'schema-conflict', 'schema-extra', 'schema-compatibility', 'schema-mode']),
  ...itemBase,
  subject: z.string().nullable(),
  version: z.number().int().nullable(),
  id: z.number().int().nullable(),
});

const registryView = z.object({
  cluster: z.string(),
  /** READWRITE, IMPORT...; null: mode topic does not ask. */
  registryMode: z.string().nullable(),
  subjects: z.number().int(),
  versions: z.number().int(),
});

/** Answer of GET /routes/{route}/schemas. */
export const schemasView = z.object({
  route: z.string(),
  mode: z.enum(['off', 'report', 'api', 'topic']),
  /** When the target’s registry was promoted; null: it is a copy. */
  promotedAt: z.string().nullable(),
  source: registryView,
  target: registryView,
  /** What differs; the first thousand. */
  items: z.array(schemaPlanItem),
  /** How many there are. */
  differences: z.number().int(),
});

/** Body of POST /routes/{route}/schemas/sync. */
export const schemaSyncBody = z.strictObject({
  /** Only tell what would be done. */
  dryRun: z.boolean().default(false),
  /** Also where the target has schemas that the source does not have: whoever registers there must stop. */
  takeover: z.boolean().default(false),
  /** Copy again into a registry that was promoted. */
  resume: z.boolean().default(false),
});

export const schemaSyncView = z.object({
  route: z.string(),
  dryRun: z.boolean(),
  /** Steps done; with dryRun those that would be. */
  registered: z.number().int(),
  deleted: z.number().int(),
  levels: z.number().int(),
  /** Steps left for the next round, and versions whose references are not to be had. */
  left: z.number().int(),
  registryMode: z.string(),
});

/** Body of POST /routes/{route}/schemas/promote. */
export const schemaPromoteBody = z.strictObject({
  reason: z.string().trim().max(500).default(''),
  /** Copy what is missing first, if the source still answers. */
  lastSync: z.boolean().default(true),
});

export const schemaPromoteView = z.object({
  route: z.string(),
  promotedAt: z.string(),
  before: z.string(),
  registryMode: z.string(),
  /** What became of the last round; null: none was asked for. */
  lastSync: z.object({ done: z.boolean(), message: z.string() }).nullable(),
});

export type SchemasView = z.output<typeof schemasView>;
export type SchemaSyncBody = z.input<typeof schemaSyncBody>;
export type SchemaSyncOrder = z.output<typeof schemaSyncBody>;
export type SchemaSyncView = z.output<typeof schemaSyncView>;
export type SchemaPromoteBody = z.input<typeof schemaPromoteBody>;
export type SchemaPromoteOrder = z.output<typeof schemaPromoteBody>;
export type SchemaPromoteView = z.output<typeof schemaPromoteView>;
