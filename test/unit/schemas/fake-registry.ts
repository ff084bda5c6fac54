import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type SchemaBody, schemaFingerprint } from '../../../common/model/schema.js';

interface Version extends SchemaBody {
  readonly subject: string;
  readonly version: number;
  readonly id: number;
  deleted: boolean;
}

interface Reply {
  readonly status: number;
  readonly body: unknown;
}

export interface FakeRegistryOptions {
  /** Like Karapace: modes are told and never changed, ids are its own. */
  readonly hasModes?: boolean;
  /** What an Authorization header must be. */
  readonly authorization?: string;
  /** Answers instead; undefined: as usual. */
  readonly answer?: (method: string, path: string) => { readonly status: number; readonly text: string } | undefined;
}

const ok = (body: unknown): Reply => ({ status: 200, body });
const fault = (status: number, code: number, message: string): Reply => ({
  status,
  body: { error_code: code, message },
});

/** A registry with the rules of Confluent’s that copying rests on: subjects, versions, ids, modes, contexts, levels, deletions. */
export class FakeRegistry {
  readonly requests: string[] = [];
  readonly versions: Version[] = [];
  readonly levels = new Map<string, string>([['', 'BACKWARD']]);
  readonly modes = new Map<string, string>([['', 'READWRITE']]);
  readonly #options: FakeRegistryOptions;
  readonly #server: Server;
  #port = 0;

  private constructor(options: FakeRegistryOptions) {
    this.#options = options;
    this.#server = createServer((request, response) => {
      void this.#serve(request).then(({ status, text }) => {
        response.writeHead(status, { 'content-type': 'application/vnd.schemaregistry.v1+json' }).end(text);
      });
    });
  }

  static async start(options: FakeRegistryOptions = {}): Promise<FakeRegistry> {
    const registry = new FakeRegistry(options);
    await new Promise<void>((resolve) => registry.#server.listen(0, '127.0.0.1', resolve));
    registry.#port = (registry.#server.address() as AddressInfo).port;
    return registry;
  }

  /** Stays known after `stop`. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async #serve(request: IncomingMessage): Promise<{ readonly status: number; readonly text: string }> {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const { method = '', url = '' } = request;
    this.requests.push(`${method} ${url}`);
    const special = this.#options.answer?.(method, url);
    if (special !== undefined) return special;
    const { authorization } = this.#options;
    if (authorization !== undefined && request.headers.authorization !== authorization) {
      return { status: 401, text: '{"error_code":40101,"message":"who are you?"}' };
    }
    const sent = Buffer.concat(chunks).toString();
    const { status, body } = this.#answer(method, new URL(url, this.url), sent === '' ? {} : JSON.parse(sent));
    return { status, text: JSON.stringify(body) };
  }

  #answer(method: string, { pathname, searchParams }: URL, body: Record<string, unknown>): Reply {
    const [area, ...rest] = pathname.slice(1).split('/').map(decodeURIComponent);
    const deleted = searchParams.get('deleted') === 'true';
    switch (area) {
      case 'subjects':
        return this.#subjects(method, rest, { deleted, prefix: searchParams.get('subjectPrefix') ?? '' }, body);
      case 'schemas':
        return this.#schemas(rest);
      case 'config':
        return this.#config(method, rest[0] ?? '', body);
      case 'mode':
        return this.#mode(method, rest[0] ?? '', body, searchParams.get('force') === 'true');
      default:
        return fault(404, 404, 'HTTP 404 Not Found');
    }
  }

  #subjects(
    method: string,
    [subject, , number]: readonly string[],
    { deleted, prefix }: { readonly deleted: boolean; readonly prefix: string },
    body: Record<string, unknown>,
  ): Reply {
    const seen = this.versions.filter((version) => deleted || !version.deleted);
    if (subject === undefined) {
      const own = seen.filter((version) =>
        prefix === '' ? contextOf(version.subject) === '' : version.subject.startsWith(prefix),
      );
      return ok([...new Set(own.map((version) => version.subject))]);
    }
    const of = seen.filter((version) => version.subject === subject);
    if (number === undefined && method === 'POST') return this.#post(subject, schemaIn(body), body);
    if (of.length === 0) return fault(404, 40401, `Subject '${subject}' not found.`);
    if (number === undefined) return ok(of.map(({ version }) => version));
    const found = of.find(({ version }) => version === Number(number));
    if (found === undefined) return fault(404, 40402, `Version ${number} not found.`);
    if (method === 'GET') return ok(told(found));
    const isReferred = this.versions.some(
      (other) =>
        !other.deleted && other.references.some((to) => to.subject === subject && to.version === found.version),
    );
    if (isReferred) return fault(422, 42206, `One or more references exist to ${subject} version ${found.version}`);
    found.deleted = true;
    return ok(found.version);
  }

  /** Both POST /subjects/s and POST /subjects/s/versions come here; only the second one’s answer may be new. */
  #post(subject: string, schema: SchemaBody, body: Record<string, unknown>): Reply {
    const isLookUp = this.requests.at(-1)?.endsWith('/versions') !== true;
    const same = (version: Version): boolean => schemaFingerprint(version) === schemaFingerprint(schema);
    const there = this.versions.find((version) => version.subject === subject && !version.deleted && same(version));
    if (isLookUp) return there === undefined ? fault(404, 40403, 'Schema not found') : ok(told(there));
    // A reference without a context is meant within that of who refers (QualifiedSubject.qualifySubjectWithParent).
    const missing = schema.references.find((reference) => {
      const needed = `${contextOf(reference.subject) === '' ? contextOf(subject) : ''}${reference.subject}`;
      return !this.versions.some((version) => version.subject === needed && version.version === reference.version);
    });
    if (missing !== undefined)
      return fault(422, 42201, `Invalid schema: no ${missing.subject} version ${missing.version}`);
    const context = contextOf(subject);
    const isImport = this.#modeOf(context) === 'IMPORT';
    const { id, version } = body as { readonly id?: number; readonly version?: number };
    if (this.#options.hasModes === false) return this.#add(subject, schema);
    if (isImport !== (id !== undefined)) return fault(422, 42205, 'ids are given in mode IMPORT, and only there');
    if (there !== undefined && !isImport) return ok({ id: there.id });
    if (there !== undefined && there.version !== version) return ok({ id: there.id });
    const clash = this.versions.find(
      (other) => contextOf(other.subject) === context && other.id === id && !same(other),
    );
    if (clash !== undefined) return fault(422, 42205, `Overwrite new schema with id ${id} is not permitted.`);
    return this.#add(subject, schema, id, version);
  }

  #add(subject: string, schema: SchemaBody, id?: number, version?: number): Reply {
    const context = contextOf(subject);
    const ids = this.versions.filter((other) => contextOf(other.subject) === context);
    const known = ids.find((other) => schemaFingerprint(other) === schemaFingerprint(schema));
    const own = this.versions.filter((other) => other.subject === subject);
    const added = {
      ...schema,
      subject,
      id: id ?? known?.id ?? Math.max(0, ...ids.map((other) => other.id)) + 1,
      version: version ?? Math.max(0, ...own.map((other) => other.version)) + 1,
      deleted: false,
    };
    const old = this.versions.findIndex((other) => other.subject === subject && other.version === added.version);
    if (old >= 0) this.versions.splice(old, 1, added);
    else this.versions.push(added);
    return ok({ id: added.id });
  }

  #schemas([, id, what]: readonly string[]): Reply {
    const found = this.versions.filter((version) => version.id === Number(id) && contextOf(version.subject) === '');
    const [first] = found;
    if (first === undefined) return fault(404, 40403, `Schema ${id} not found`);
    if (what === 'subjects')
      return ok([...new Set(found.filter((version) => !version.deleted).map(({ subject }) => subject))]);
    const { subject: _subject, version: _version, id: _id, ...body } = told(first) as Record<string, unknown>;
    return ok(body);
  }

  #config(method: string, subject: string, body: Record<string, unknown>): Reply {
    if (method === 'PUT') {
      this.levels.set(subject, String(body['compatibility']));
      return ok(body);
    }
    const level = this.levels.get(subject);
    if (level === undefined)
      return fault(404, 40408, `Subject '${subject}' does not have subject-level compatibility configured`);
    if (method === 'DELETE') this.levels.delete(subject);
    return ok({ compatibilityLevel: level });
  }

  #mode(method: string, context: string, body: Record<string, unknown>, force: boolean): Reply {
    if (method === 'GET') {
      const mode = this.modes.get(context);
      return mode === undefined
        ? fault(404, 40409, `Subject '${context}' does not have subject-level mode configured`)
        : ok({ mode });
    }
    if (this.#options.hasModes === false) return fault(405, 405, 'HTTP 405 Method Not Allowed');
    const mode = String(body['mode']);
    const holds = this.versions.some((version) => !version.deleted && contextOf(version.subject) === context);
    if (mode === 'IMPORT' && holds && !force) return fault(422, 42205, 'Cannot import since found existing subjects');
    this.modes.set(context, mode);
    return ok({ mode });
  }

  #modeOf(context: string): string | undefined {
    return this.modes.get(context) ?? this.modes.get('');
  }
}

/** `:.east:`, or nothing. */
function contextOf(subject: string): string {
  return /^:\.[^:]*:/.exec(subject)?.[0] ?? '';
}

function schemaIn({
  schema,
  schemaType = 'AVRO',
  references = [],
  metadata,
  ruleSet,
}: Record<string, unknown>): SchemaBody {
  const extras = { ...(metadata === undefined ? {} : { metadata }), ...(ruleSet === undefined ? {} : { ruleSet }) };
  return {
    type: String(schemaType),
    text: String(schema),
    references: references as SchemaBody['references'],
    ...(Object.keys(extras).length === 0 ? {} : { extras }),
  };
}

function told({ subject, version, id, type, text, references, extras }: Version): object {
  return {
    subject,
    version,
    id,
    schema: text,
    ...(type === 'AVRO' ? {} : { schemaType: type }),
    ...(references.length === 0 ? {} : { references }),
    ...extras,
  };
}
