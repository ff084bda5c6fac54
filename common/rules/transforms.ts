import { createHash, createHmac } from 'node:crypto';
import { CONTAINER } from '../avro/find.js';
import { AvroTime } from '../avro/scalar.js';
import type { Substitute } from '../model/field-path.js';
import type { RuleAction } from '../model/record-rules.js';
import { NamePatterns } from '../patterns/name-patterns.js';
import { type FieldDocument, Unreadable } from './document.js';
import { parsePath } from './field-path.js';
import type { RecordInHand } from './record-in-hand.js';

/** @returns whether it found something to change */
export type Transform = (record: RecordInHand) => boolean;
export type TransformAction = Exclude<RuleAction, { readonly do: 'keep' | 'drop' | 'sample' | 'route' }>;
/** It changes records; the others decide where they go. */
export function isTransform(action: RuleAction): action is TransformAction {
  return !(action.do === 'keep' || action.do === 'drop' || action.do === 'sample' || action.do === 'route');
}

/** Values of the configuration's secrets by name. */
export type Secrets = ReadonlyMap<string, string>;

/** @throws TypeError where it names a secret that is not there: looked for before (program.ts) */
export function compileTransform(action: TransformAction, secrets: Secrets): Transform {
  switch (action.do) {
    case 'mask': {
      const by = action.with;
      return onFields(action, (document, path) =>
        document.replaced(
          path,
          bounded(() => by),
        ),
      );
    }
    case 'hash': {
      const hash = hasher(action.hmac, secrets);
      return onFields(action, (document, path) => document.replaced(path, bounded(hash)));
    }
    case 'remove':
      return onFields(action, (document, path) => document.removed(path));
    case 'set-key':
      return keySetter(action, secrets);
    case 'add-header': {
      const header = [Buffer.from(action.name), Buffer.from(action.value)] as const;
      return (record) => {
        record.headers = [...record.headers, header];
        return true;
      };
    }
    case 'strip-headers': {
      const names = new NamePatterns(action.matching);
      return (record) => {
        const kept = record.headers.filter(([key]) => names.matching(key.toString('utf8')) === undefined);
        if (kept.length === record.headers.length) return false;
        record.headers = kept;
        return true;
      };
    }
  }
}

/** Of what takes the place of others in one record: a path with `*` may find a million values. */
const MAX_SUBSTITUTED_BYTES = 4 << 20;

/** @throws Unreadable */
function bounded(by: Substitute): Substitute {
  let bytes = 0;
  return (content) => {
    const value = by(content);
    bytes += typeof value === 'string' ? value.length : 1;
    if (bytes <= MAX_SUBSTITUTED_BYTES) return value;
    throw new Unreadable(`more than ${MAX_SUBSTITUTED_BYTES} bytes would take the place of its values`);
  };
}

type Path = ReturnType<typeof parsePath>;

/** A record without a key or value has no fields in it; one that holds no fields of a known form is unreadable. All of them change, or none. */
function onFields(
  { fields, part = 'value' }: Extract<TransformAction, { readonly fields: readonly string[] }>,
  edit: (document: FieldDocument, path: Path) => FieldDocument,
): Transform {
  const paths = fields.map(parsePath);
  return (record) => {
    const found = record.document(part);
    if (found === undefined) return false;
    let document = found;
    for (const path of paths) document = edit(document, path);
    if (document === found) return false;
    record.put(part, document);
    return true;
  };
}

function keySetter({ from, name = '', hmac }: RuleAction & { readonly do: 'set-key' }, secrets: Secrets): Transform {
  switch (from) {
    case 'text': {
      const key = Buffer.from(name);
      return (record) => withKey(record, key);
    }
    case 'hash': {
      const hash = hasher(hmac, secrets);
      return (record) => record.key !== null && withKey(record, Buffer.from(hash(record.key)));
    }
    case 'header': {
      const wanted = Buffer.from(name);
      return (record) => withKey(record, record.headers.find(([key]) => key.equals(wanted))?.[1] ?? null);
    }
    case 'field': {
      const path = parsePath(name);
      return (record) => withKey(record, keyOf(record.document('value')?.valuesAt(path)[0]));
    }
  }
}

function withKey(record: RecordInHand, key: Buffer | null): boolean {
  const isSame = key === null ? record.key === null : record.key?.equals(key) === true;
  if (!isSame) record.key = key;
  return !isSame;
}

function keyOf(value: unknown): Buffer | null {
  if (value === undefined || value === null) return null;
  if (value === CONTAINER) throw new Unreadable('it has a record, an array or a map where a key is to be taken from');
  if (typeof value === 'bigint' || value instanceof AvroTime) return Buffer.from(String(value));
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
}

function hasher(hmac: string | undefined, secrets: Secrets): (content: Buffer) => string {
  if (hmac === undefined) return (content) => createHash('sha256').update(content).digest('hex');
  const secret = secrets.get(hmac);
  if (secret === undefined) throw new TypeError(`there is no secret ${hmac}`);
  return (content) => createHmac('sha256', secret).update(content).digest('hex');
}
