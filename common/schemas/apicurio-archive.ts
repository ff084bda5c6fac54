import { createHash } from 'node:crypto';
import type { SchemaBody } from '../model/schema.js';
import type { PlacedSchema } from './registry-answers.js';
import { type ZipEntry, zipOf } from './zip.js';

/** Apicurio's name of the group that its Confluent API speaks of. */
export const DEFAULT_GROUP = 'default';
/** Its branch that `latest` means. */
export const LATEST = 'latest';

/**
 * One version as Apicurio 3 exports it (`POST /admin/import` takes it back, ids and version numbers and all): the content, whose id is what
 * Confluent's API calls a schema's id, and the version. Pure.
 * @param isNewSubject with the subject itself, which may come only once
 */
export function apicurioArchive(
  subject: string,
  schema: SchemaBody,
  { id, version }: PlacedSchema,
  isNewSubject: boolean,
): Buffer {
  const at = { groupId: null, artifactId: subject };
  const by = { owner: '', modifiedBy: '', createdOn: 0, modifiedOn: 0 };
  const serializedReferences = referencesOf(schema);
  // File names say nothing but the kind of what is inside; the rest is read from the contents.
  const entries: ZipEntry[] = [
    jsonEntry('manifest.Manifest', { systemVersion: '3', systemName: 'Apicurio Registry', exportVersion: '3.0' }),
    jsonEntry('schema.Content', {
      contentId: id,
      contentHash: hashOf(schema.text, serializedReferences),
      // The registry finds the canonical hash itself, for which it needs the type.
      canonicalHash: null,
      artifactType: schema.type,
      contentType: schema.type === 'PROTOBUF' ? 'application/x-protobuf' : 'application/json',
      serializedReferences,
    }),
    { name: 'schema.Content.data', data: Buffer.from(schema.text, 'utf8') },
    jsonEntry('version.ArtifactVersion', {
      ...at,
      ...by,
      globalId: id,
      version: `${version}`,
      versionOrder: version,
      state: 'ENABLED',
      contentId: id,
    }),
  ];
  if (isNewSubject) {
    entries.push(jsonEntry('subject.Artifact', { ...at, ...by, artifactType: schema.type }));
    // Not the system's, so that later versions can be added to it; the registry itself adds its own all the same.
    const branch = { branchId: LATEST, systemDefined: false, versions: [`${version}`] };
    entries.push(jsonEntry('latest.Branch', { ...at, ...by, ...branch }));
  }
  return zipOf(entries);
}

/** In the order and with the names that the registry itself writes: they are part of the hash. */
function referencesOf({ references }: SchemaBody): string | null {
  if (references.length === 0) return null;
  return JSON.stringify(
    references.map(({ name, subject, version }) => ({
      groupId: null,
      artifactId: subject,
      version: `${version}`,
      name,
    })),
  );
}

/** By which serializers' look-ups find the schema. */
function hashOf(text: string, serializedReferences: string | null): string {
  return createHash('sha256')
    .update(text)
    .update(serializedReferences ?? '')
    .digest('hex');
}

function jsonEntry(name: string, value: object): ZipEntry {
  return { name: `${name}.json`, data: Buffer.from(JSON.stringify(value), 'utf8') };
}
