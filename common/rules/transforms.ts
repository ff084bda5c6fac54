import { createHash, createHmac } from 'node:crypto';
import type { RuleAction } from '../model/record-rules.js';
import { NamePatterns } from '../patterns/name-patterns.js';
import { removeAt, replaceAt } from './json-edit.js';
import { parsePath, valuesAt } from './json-path.js';
import type { RecordInHand } from './record-in-hand.js';

export type Transform = (record: RecordInHand) => void;
export type TransformAction = Exclude<RuleAction, { readonly do: 'keep' | 'drop' | 'sample' | 'route' }>;
/** Values of the configuration's secrets by name. */
export type Secrets = ReadonlyMap<string, string>;

const NULL = 'null';
const QUOTE = 0x22;

/** @throws TypeError where it names a secret that is not there: looked for before (program.ts) */
export function compileTransform(action: TransformAction, secrets: Secrets): Transform {
  switch (action.do) {
    case 'mask': {
      const by = Buffer.from(JSON.stringify(action.with));
      return onFields(action.fields, (text, path) =>
        replaceAt(text, path, (value) => (isNull(value) ? undefined : by)),
      );
    }
    case 'hash': {
      const hash = hasher(action.hmac, secrets);
      return onFields(action.fields, (text, path) =>
        replaceAt(text, path, (value) => (isNull(value) ? undefined : Buffer.from(`"${hash(contentOf(value))}"`))),
      );
    }
    case 'remove':
      return onFields(action.fields, removeAt);
    case 'set-key':
      return keySetter(action, secrets);
    case 'add-header': {
      const header = [Buffer.from(action.name), Buffer.from(action.value)] as const;
      return (record) => {
        record.headers = [...record.headers, header];
      };
    }
    case 'strip-headers': {
      const names = new NamePatterns(action.matching);
      return (record) => {
        const kept = record.headers.filter(([key]) => names.matching(key.toString('utf8')) === undefined);
        if (kept.length < record.headers.length) record.headers = kept;
      };
    }
  }
}

type Path = ReturnType<typeof parsePath>;

/** A record without a value has no fields; one whose value is no JSON is unreadable. */
function onFields(fields: readonly string[], edit: (text: Buffer, path: Path) => Buffer): Transform {
  const paths = fields.map(parsePath);
  return (record) => {
    record.document();
    let { value } = record;
    if (value === null) return;
    for (const path of paths) value = edit(value, path);
    record.value = value;
  };
}

function keySetter({ from, name = '', hmac }: RuleAction & { readonly do: 'set-key' }, secrets: Secrets): Transform {
  switch (from) {
    case 'text': {
      const key = Buffer.from(name);
      return (record) => {
        record.key = key;
      };
    }
    case 'hash': {
      const hash = hasher(hmac, secrets);
      return (record) => {
        if (record.key !== null) record.key = Buffer.from(hash(record.key));
      };
    }
    case 'header': {
      const wanted = Buffer.from(name);
      return (record) => {
        record.key = record.headers.find(([key]) => key.equals(wanted))?.[1] ?? null;
      };
    }
    case 'field': {
      const path = parsePath(name);
      return (record) => {
        record.key = keyOf(valuesAt(record.document(), path)[0]);
      };
    }
  }
}

function keyOf(value: unknown): Buffer | null {
  if (value === undefined || value === null) return null;
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
}

function hasher(hmac: string | undefined, secrets: Secrets): (content: Buffer) => string {
  if (hmac === undefined) return (content) => createHash('sha256').update(content).digest('hex');
  const secret = secrets.get(hmac);
  if (secret === undefined) throw new TypeError(`there is no secret ${hmac}`);
  return (content) => createHmac('sha256', secret).update(content).digest('hex');
}

/** A text's hash is that of what it says, however it is written; anything else's that of its bytes. */
function contentOf(value: Buffer): Buffer {
  return value[0] === QUOTE ? Buffer.from(JSON.parse(value.toString('utf8')) as string) : value;
}

function isNull(value: Buffer): boolean {
  return value.length === NULL.length && value.toString('latin1') === NULL;
}
