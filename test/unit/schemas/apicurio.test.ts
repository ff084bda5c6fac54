import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, test } from 'node:test';
import { crc32 } from 'node:zlib';
import { isCausewayError } from '../../../common/errors/error.js';
import { apicurioArchive } from '../../../common/schemas/apicurio-archive.js';
import { isApicurio } from '../../../common/schemas/apicurio-client.js';
import type { RegistryClient } from '../../../common/schemas/registry-client.js';
import { zipOf } from '../../../common/schemas/zip.js';
import { avro, clientOf } from './registry-kit.js';

/** Files of an archive, read from its directory at the end as unpackers do. */
function filesOf(zip: Buffer): Map<string, Buffer> {
  const end = zip.length - 22;
  assert.equal(zip.readUInt32LE(end), 0x06054b50);
  const files = new Map<string, Buffer>();
  let at = zip.readUInt32LE(end + 16);
  assert.equal(at + zip.readUInt32LE(end + 12), end);
  for (let i = 0; i < zip.readUInt16LE(end + 10); i += 1) {
    assert.equal(zip.readUInt32LE(at), 0x02014b50);
    const [sum, size, length] = [zip.readUInt32LE(at + 16), zip.readUInt32LE(at + 24), zip.readUInt16LE(at + 28)];
    const name = zip.toString('utf8', at + 46, at + 46 + length);
    const local = zip.readUInt32LE(at + 42);
    assert.equal(zip.readUInt32LE(local), 0x04034b50);
    const from = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
    const data = zip.subarray(from, from + size);
    assert.equal(crc32(data), sum);
    assert.equal(zip.toString('utf8', local + 30, local + 30 + length), name);
    files.set(name, data);
    at += 46 + length;
  }
  assert.equal(at, end);
  return files;
}

/** A registry that has these answers, by method and path, and says 404 else. */
async function withAnswers(
  answers: Readonly<Record<string, string>>,
  use: (client: RegistryClient, asked: readonly string[]) => Promise<void>,
): Promise<void> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const question = `${request.method} ${request.url}`;
    asked.push(question);
    const text = answers[question];
    request.resume().once('end', () => response.writeHead(text === undefined ? 404 : 200).end(text ?? NOT_FOUND));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await use(clientOf(`http://127.0.0.1:${(server.address() as AddressInfo).port}/apis/ccompat/v7`), asked);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const NOT_FOUND = '{"error_code":40403}';
const SCHEMA = { type: 'AVRO', text: avro('A', 'x'), references: [] };

describe('Apicurio’s registry', () => {
  test('is known by its address', () => {
    for (const url of ['http://r:8080/apis/ccompat/v7', 'https://r/here/apis/ccompat/v8/'])
      assert.ok(isApicurio(url), url);
    for (const url of ['http://r:8081', 'http://r/apis/ccompat', 'http://r/apis/ccompat/v7/more'])
      assert.ok(!isApicurio(url), url);
  });

  test('an archive holds every file as it is, under its name', () => {
    const files = [
      { name: 'a.json', data: Buffer.from('{}') },
      { name: 'ordner/ä', data: Buffer.alloc(70_000, 7) },
      { name: 'leer', data: Buffer.alloc(0) },
    ];
    assert.deepEqual(
      [...filesOf(zipOf(files))],
      files.map(({ name, data }) => [name, data]),
    );
    assert.equal(filesOf(zipOf([])).size, 0);
  });

  test('a version goes over with its id, number and references; the subject and its latest version only the first time', () => {
    const references = [{ name: 'Address', subject: 'address', version: 2 }];
    const schema = { type: 'AVRO', text: avro('Customer', 'home'), references };
    const files = filesOf(apicurioArchive('customers', schema, { id: 77, version: 5 }, true));
    const json = (name: string) => JSON.parse(files.get(name)?.toString() ?? '') as Record<string, unknown>;
    assert.equal(files.get('schema.Content.data')?.toString(), schema.text);
    const content = json('schema.Content.json');
    assert.deepEqual([content['contentId'], content['artifactType']], [77, 'AVRO']);
    // As the registry itself writes it: it is part of the hash.
    const told = '[{"groupId":null,"artifactId":"address","version":"2","name":"Address"}]';
    assert.equal(content['serializedReferences'], told);
    const version = json('version.ArtifactVersion.json');
    assert.deepEqual(
      [version['artifactId'], version['version'], version['versionOrder'], version['contentId'], version['state']],
      ['customers', '5', 5, 77, 'ENABLED'],
    );
    assert.deepEqual(json('latest.Branch.json')['versions'], ['5']);
    const again = filesOf(apicurioArchive('customers', schema, { id: 78, version: 6 }, false));
    assert.deepEqual([again.has('subject.Artifact.json'), again.has('latest.Branch.json')], [false, false]);
  });

  test('one without the import, and what it does not have, is refused with the reason', async () => {
    await withAnswers({}, async (client) => {
      const attempts: readonly (readonly [() => Promise<unknown>, RegExp])[] = [
        [() => client.registerAs('a', SCHEMA, { id: 1, version: 1 }), /only Apicurio 3 has the import that keeps ids/],
        [() => client.subjects('east'), /Apicurio has no contexts/],
        [() => client.mode('east'), /Apicurio has no contexts/],
        [() => client.setMode('IMPORT', 'east', false), /Apicurio has no contexts/],
      ];
      for (const [attempt, reason] of attempts) {
        const isRefused = (error: unknown): boolean =>
          isCausewayError(error, 'REGISTRY_REFUSED') && reason.test(error.message);
        await assert.rejects(attempt, isRefused);
      }
      assert.equal(await client.level('a'), undefined);
      assert.equal(await client.version('a', 1), undefined);
    });
  });

  test('subjects come in parts, all of them; an empty one is the end', async () => {
    const answers = {
      'GET /apis/ccompat/v7/subjects?deleted=true&offset=0&limit=500': '["a","b"]',
      'GET /apis/ccompat/v7/subjects?deleted=true&offset=500&limit=500': '["c"]',
      'GET /apis/ccompat/v7/subjects?deleted=true&offset=1000&limit=500': '[]',
    };
    await withAnswers(answers, async (client) => {
      assert.deepEqual(await client.subjects(), ['a', 'b', 'c']);
    });
  });

  test('a part without schemas is not the end: the registry says how much it has', async () => {
    const pages = ['[]', '["a"]', '[]', '["b"]', '[]'].map(
      (page, i) => [`GET /apis/ccompat/v7/subjects?deleted=true&offset=${i * 500}&limit=500`, page] as const,
    );
    const answers = { 'GET /apis/registry/v3/search/artifacts?limit=1': '{"artifacts":[{}],"count":1900}' };
    await withAnswers({ ...answers, ...Object.fromEntries(pages) }, async (client) => {
      assert.deepEqual(await client.subjects(), ['a', 'b']);
    });
  });

  test('one that tells all subjects, whatever part is asked for, is asked twice', async () => {
    const parts = [0, 500, 1000].map(
      (offset) => `GET /apis/ccompat/v7/subjects?deleted=true&offset=${offset}&limit=500`,
    );
    await withAnswers(Object.fromEntries(parts.map((part) => [part, '["a","b"]'])), async (client, asked) => {
      assert.deepEqual(await client.subjects(), ['a', 'b']);
      assert.deepEqual(asked.slice(1), parts.slice(0, 2));
    });
  });

  test('a version of a subject deleted whole is found by its content, unless that id means something else there', async () => {
    const answers = {
      'GET /apis/registry/v3/groups/default/artifacts/a/versions/1': '{"contentId":7}',
      'GET /apis/ccompat/v7/schemas/ids/7': JSON.stringify({ schema: SCHEMA.text }),
    };
    const subjects = 'GET /apis/ccompat/v7/schemas/ids/7/subjects?deleted=true';
    await withAnswers({ ...answers, [subjects]: '["a"]' }, async (client) => {
      assert.deepEqual(await client.version('a', 1), { subject: 'a', version: 1, id: 7, ...SCHEMA });
    });
    await withAnswers({ ...answers, [subjects]: '["b"]' }, async (client) => {
      assert.equal(await client.version('a', 1), undefined);
    });
  });

  test('an import that it answers and does not do is noticed', async () => {
    const answers = { 'POST /apis/registry/v3/admin/import?requireEmptyRegistry=false': '' };
    await withAnswers(answers, async (client, asked) => {
      assert.deepEqual(await client.registerAs('a', SCHEMA, { id: 9, version: 3 }), { id: 9, version: null });
      assert.equal(asked.at(-1), 'GET /apis/ccompat/v7/subjects/a/versions/3?deleted=true');
    });
  });

  test('a version that is there under its id, and deleted, is offered again', async () => {
    const place = '/apis/registry/v3/groups/default/artifacts/a/versions/2';
    const answers = {
      [`GET ${place}`]: '{"contentId":9}',
      [`PUT ${place}/state`]: '',
      'GET /apis/ccompat/v7/subjects/a/versions/2?deleted=true': `{"subject":"a","version":2,"id":9,"schema":"{}"}`,
    };
    await withAnswers(answers, async (client, asked) => {
      assert.deepEqual(await client.registerAs('a', SCHEMA, { id: 9, version: 2 }), { id: 9, version: 2 });
      assert.ok(asked.includes(`PUT ${place}/state`));
      assert.ok(!asked.some((question) => question.startsWith('POST')));
    });
  });

  test('where the schema is known under its id, a version can only be the next one', async () => {
    const answers = {
      'GET /apis/ccompat/v7/schemas/ids/9': JSON.stringify({ schema: SCHEMA.text }),
      'GET /apis/ccompat/v7/subjects/a/versions?deleted=true': '[1,2]',
    };
    await withAnswers(answers, async (client) => {
      await assert.rejects(client.registerAs('a', SCHEMA, { id: 9, version: 5 }), /would make it version 3/);
    });
  });
});
