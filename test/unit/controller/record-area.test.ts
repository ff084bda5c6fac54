import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CoordinationStore, StoreNode } from '../../../common/coordination/ports.js';
import { RecordArea } from '../../../controller/loop/record-area.js';

/** A store of texts below one root that remembers what was asked of it. */
function area(depth: 1 | 2) {
  const nodes = new Map<string, { text: string; version: number }>();
  const asked: string[] = [];
  const below = (path: string): string[] => {
    const names = [...nodes.keys()].flatMap((key) => (key.startsWith(`${path}/`) ? [key.slice(path.length + 1)] : []));
    return [...new Set(names.map((name) => name.split('/')[0] as string))];
  };
  const store = {
    children: async (path: string) => {
      asked.push(`${path}/*`);
      return below(path);
    },
    get: async (path: string): Promise<Partial<StoreNode> | undefined> => {
      asked.push(path);
      const node = nodes.get(path);
      return node === undefined ? undefined : { data: Buffer.from(node.text), version: node.version, createdAt: 1n };
    },
  } as unknown as CoordinationStore;
  const decode = (node: StoreNode): string => node.data.toString();
  const records = new RecordArea<string>({ store, root: '/area', depth, decode, onCorrupt: () => undefined });
  const refreshed = async (...changed: string[]) => {
    asked.length = 0;
    if (changed.length > 0) records.invalidate(new Set(changed));
    await records.refresh();
    return Object.fromEntries([...records.entries].map(([key, { value }]) => [key, value]));
  };
  return { nodes, asked, records, refreshed };
}

test('a hint that names nodes has those read again and no others; what is gone is gone', async () => {
  const { nodes, asked, records, refreshed } = area(1);
  for (const name of ['a', 'c']) nodes.set(`/area/${name}`, { text: 'old', version: 0 });
  assert.deepEqual(await refreshed(), { a: 'old', c: 'old' });
  const revision = records.revision;
  nodes.set('/area/a', { text: 'new', version: 1 });
  nodes.set('/area/b', { text: 'made', version: 0 });
  nodes.delete('/area/c');
  assert.deepEqual(await refreshed('/area/a', '/area/b', '/area/c'), { a: 'new', b: 'made' });
  assert.deepEqual([...asked].sort(), ['/area/a', '/area/b', '/area/c']);
  assert.ok(records.revision > revision);
  assert.deepEqual([...records.entries.keys()], ['a', 'b'], 'in the order of their names');
});

test('a node below a record is a part of it; nothing that is as it was grows the revision', async () => {
  const { nodes, asked, records, refreshed } = area(1);
  nodes.set('/area/a', { text: 'old', version: 0 });
  await refreshed();
  const revision = records.revision;
  await refreshed('/area/a/p1');
  assert.deepEqual([asked, records.revision], [['/area/a'], revision]);
  await refreshed();
  assert.deepEqual(asked, [], 'nothing is read without a hint');
});

test('a hint for the area, for the parent of records, or for anything has everything read', async () => {
  const { nodes, asked, records, refreshed } = area(2);
  nodes.set('/area/r/a', { text: 'old', version: 0 });
  await refreshed();
  for (const changed of [['/area'], ['/area/r'], ['/area/r/a', '/area']]) {
    await refreshed(...changed);
    assert.ok(asked.includes('/area/*') && asked.includes('/area/r/a'), changed.join());
  }
  records.invalidate();
  await refreshed();
  assert.ok(asked.includes('/area/*'));
  await refreshed('/area/r/a');
  assert.deepEqual(asked, ['/area/r/a']);
});
