import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  type EmbeddedEngine,
  openEmbeddedEngine,
  openEmbeddedStore,
} from '../../../common/coordination/embedded/engine.js';
import { ANY_VERSION } from '../../../common/coordination/ports.js';
import { systemClock } from '../../../common/runtime/clock.js';
import { systemRandom } from '../../../common/runtime/random.js';
import { bytes, eventually, rejects } from './contract-kit.js';
import { MemoryLogger } from './zookeeper-kit.js';

const writerPath = fileURLToPath(new URL('./embedded-writer.js', import.meta.url));

async function inFolder(body: (dir: string) => Promise<void>): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'causeway-store-'));
  try {
    await body(dir);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

const open = (dir: string, logger = new MemoryLogger()): Promise<EmbeddedEngine> =>
  openEmbeddedEngine({ dir, clock: systemClock, random: systemRandom, logger });

/** Runs the body on the store of a folder, and closes it. */
async function withStore<T>(
  dir: string,
  body: (store: ReturnType<EmbeddedEngine['connect']>) => Promise<T>,
  logger?: MemoryLogger,
): Promise<T> {
  const engine = await open(dir, logger);
  try {
    return await body(engine.connect());
  } finally {
    await engine.close();
  }
}

class Writer {
  readonly #child: ChildProcess;
  lines: string[] = [];

  constructor(dir: string) {
    this.#child = spawn(process.execPath, [writerPath, dir], { stdio: ['ignore', 'pipe', 'inherit'] });
    let rest = '';
    this.#child.stdout?.on('data', (chunk) => {
      const lines = (rest + String(chunk)).split('\n');
      rest = lines.pop() ?? '';
      this.lines.push(...lines);
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get acknowledged(): number {
    return Number(this.lines.at(-1));
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once('close', resolve));
    this.#child.kill('SIGKILL');
    await ended;
  }
}

describe('embedded store on disk', { concurrency: 3 }, () => {
  durability();
  damage();
  locking();
});

function durability(): void {
  test('persistent nodes, versions and creation transactions survive a restart, ephemeral ones do not', async () => {
    await inFolder(async (dir) => {
      const before = await withStore(dir, async (store) => {
        await store.create('/a/b', bytes('1'));
        await store.set('/a/b', bytes('2'), 0);
        await store.create('/gone', bytes('x'));
        await store.remove('/gone', 0);
        await store.create('/live', bytes('x'), { ephemeralOf: 1 });
        return { node: await store.get('/a/b'), session: store.session() };
      });
      await withStore(dir, async (store) => {
        assert.deepEqual(await store.get('/a/b'), before.node);
        assert.deepEqual(await store.children('/'), ['a']);
        assert.notEqual(store.session().id, before.session.id);
        await store.create('/later', bytes('x'));
        assert.ok(((await store.get('/later'))?.createdAt ?? 0n) > (before.node?.createdAt ?? 0n));
      });
    });
  });

  test('what was acknowledged before SIGKILL is there afterwards', async () => {
    await inFolder(async (dir) => {
      let least = 0;
      for (let round = 0; round < 3; round += 1) {
        const writer = new Writer(dir);
        await eventually('some writes', () => writer.acknowledged > least + 20);
        await writer.kill();
        least = writer.acknowledged;
        const counter = await withStore(dir, async (store) => {
          assert.equal(await store.get('/live'), undefined, 'the dead process’s ephemeral node is gone');
          return store.get('/counter');
        });
        const version = counter?.version ?? -1;
        assert.ok(version >= least && version <= least + 1, `version ${version}, acknowledged ${least}`);
        least = version;
      }
    });
  });

  test('the journal is folded into the snapshot and stays bounded', async () => {
    await inFolder(async (dir) => {
      const value = Buffer.alloc(500_000, 5);
      await withStore(dir, async (store) => {
        await store.create('/big', value);
        for (let version = 0; version < 40; version += 1) await store.set('/big', value, version);
      });
      assert.ok((await stat(join(dir, 'journal'))).size < 6 * 1024 * 1024, '20 MB were written');
      const node = await withStore(dir, (store) => store.get('/big'));
      assert.equal(node?.version, 40);
      assert.ok(node?.data.equals(value));
      assert.deepEqual((await readdir(dir)).sort(), ['journal', 'snapshot']);
    });
  });

  test('concurrent changes share writes', async () => {
    await inFolder(async (dir) => {
      await withStore(dir, async (store) => {
        const tookMs = async (work: () => Promise<unknown>): Promise<number> => {
          const startedAt = performance.now();
          await work();
          return performance.now() - startedAt;
        };
        const oneByOneMs = await tookMs(async () => {
          for (let i = 0; i < 100; i += 1) await store.create(`/alone${i}`, bytes(String(i)));
        });
        const togetherMs = await tookMs(() =>
          Promise.all(Array.from({ length: 2_000 }, (_, i) => store.create(`/n${i}`, bytes(String(i))))),
        );
        assert.ok(togetherMs < 20 * oneByOneMs, `2,000 in ${togetherMs} ms, 100 one by one in ${oneByOneMs} ms`);
      });
      assert.equal(await withStore(dir, async (store) => (await store.children('/'))?.length), 2_100);
    });
  });

  test('closing the only handle closes the folder', async () => {
    await inFolder(async (dir) => {
      const options = { dir, clock: systemClock, random: systemRandom, logger: new MemoryLogger() };
      const store = await openEmbeddedStore(options);
      await store.create('/a', bytes('x'));
      await store.close();
      await rejects(store.get('/a'), 'COORDINATION_UNAVAILABLE');
      const again = await openEmbeddedStore(options);
      assert.equal((await again.get('/a'))?.data.toString(), 'x');
      await again.close();
    });
  });
}

function damage(): void {
  /** A folder whose journal holds three frames; gives the journal's length after each. */
  async function threeFrames(dir: string): Promise<number[]> {
    const ends: number[] = [];
    const engine = await open(dir);
    const store = engine.connect();
    for (const name of ['/a', '/b', '/c']) {
      await store.create(name, bytes(name));
      ends.push((await stat(join(dir, 'journal'))).size);
    }
    await engine.close();
    return ends;
  }

  test('a journal cut at any byte opens with everything before the cut', async () => {
    await inFolder(async (dir) => {
      const ends = await threeFrames(join(dir, 'whole'));
      const [, second = 0, third = 0] = ends;
      for (let length = second; length < third; length += 3) {
        const copy = join(dir, `cut-${length}`);
        await cp(join(dir, 'whole'), copy, { recursive: true });
        await truncate(join(copy, 'journal'), length);
        const logger = new MemoryLogger();
        const names = await withStore(copy, (store) => store.children('/'), logger);
        assert.deepEqual(names, ['a', 'b']);
        assert.equal(logger.count('store_torn_tail'), length === second ? 0 : 1);
      }
    });
  });

  test('a last write that reached the disk in part is dropped, and the store goes on', async () => {
    await inFolder(async (dir) => {
      const [, second = 0, third = 0] = await threeFrames(join(dir, 'whole'));
      const journal = await readFile(join(dir, 'whole', 'journal'));
      const damaged = [
        Buffer.concat([journal.subarray(0, second), Buffer.alloc(third - second)]),
        Buffer.concat([journal.subarray(0, third - 1), Buffer.from([journal.readUInt8(third - 1) ^ 1])]),
      ];
      for (const [i, bytesOnDisk] of damaged.entries()) {
        const copy = join(dir, `damaged-${i}`);
        await cp(join(dir, 'whole'), copy, { recursive: true });
        await writeFile(join(copy, 'journal'), bytesOnDisk);
        await withStore(copy, async (store) => {
          assert.deepEqual(await store.children('/'), ['a', 'b']);
          await store.create('/d', bytes('d'));
        });
        assert.deepEqual(await withStore(copy, (store) => store.children('/')), ['a', 'b', 'd']);
      }
    });
  });

  test('damage to acknowledged data is NODE_CORRUPT, never an older or emptier store', async () => {
    await inFolder(async (dir) => {
      const [first = 0] = await threeFrames(dir);
      const flip = async (name: string, at: number): Promise<void> => {
        const path = join(dir, name);
        const content = await readFile(path);
        const changed = Buffer.from(content);
        changed.writeUInt8(content.readUInt8(at) ^ 0x10, at);
        await writeFile(path, changed);
        await rejects(open(dir), 'NODE_CORRUPT');
        await writeFile(path, content);
      };
      await flip('journal', first - 1);
      await flip('journal', first + 8 + 3);
      await flip('journal', 0);
      await flip('snapshot', 2);
      await flip('snapshot', 8 + 8 + 3);
      const snapshot = join(dir, 'snapshot');
      const content = await readFile(snapshot);
      await truncate(snapshot, 8 + 8 + 12);
      await rejects(open(dir), 'NODE_CORRUPT');
      await writeFile(snapshot, content);
      assert.deepEqual(await withStore(dir, (store) => store.children('/')), ['a', 'b', 'c']);
    });
  });

  test('a death between the snapshot’s rename and the journal’s repeats nothing', async () => {
    await inFolder(async (dir) => {
      await withStore(dir, async (store) => {
        await store.create('/a', bytes('1'));
        await store.set('/a', bytes('2'), 0);
        await store.create('/b', bytes('x'));
        await store.remove('/b', 0);
      });
      const oldJournal = await readFile(join(dir, 'journal'));
      const before = await withStore(dir, (store) => store.get('/a'));
      await writeFile(join(dir, 'journal'), oldJournal);
      await withStore(dir, async (store) => {
        assert.deepEqual(await store.get('/a'), before);
        assert.deepEqual(await store.children('/'), ['a']);
      });
    });
  });
}

function locking(): void {
  test('7.7 a folder in use is STORE_LOCKED, for the same process and for another', async () => {
    await inFolder(async (dir) => {
      const engine = await open(dir);
      await rejects(open(dir), 'STORE_LOCKED');
      const other = new Writer(dir);
      await eventually('refused', () => other.lines.includes('locked'));
      await other.kill();
      await engine.close();
      await withStore(dir, (store) => store.create('/a', bytes('x')));
    });
  });

  test('a stopped process keeps its lock; a killed one’s is taken over', async () => {
    await inFolder(async (dir) => {
      const writer = new Writer(dir);
      await eventually('running', () => writer.acknowledged > 0);
      writer.signal('SIGSTOP');
      await rejects(open(dir), 'STORE_LOCKED');
      await writer.kill();
      assert.equal((await readdir(dir)).filter((name) => name.startsWith('lock.')).length, 1);
      await withStore(dir, async (store) => assert.equal(await store.get('/live'), undefined));
      assert.equal((await readdir(dir)).filter((name) => name.startsWith('lock.')).length, 0);
    });
  });

  test('a lock whose pid belongs to a later process is stale', async () => {
    await inFolder(async (dir) => {
      const writer = new Writer(dir);
      await eventually('running', () => writer.lines.includes('open'));
      await writer.kill();
      const [lock = ''] = (await readdir(dir)).filter((name) => name.startsWith('lock.'));
      const ours = lock.replace(`.${writer.pid}.`, `.${process.pid}.`);
      await writeFile(join(dir, ours), '');
      await withStore(dir, (store) => store.create('/a', bytes('x')));
      assert.deepEqual((await readdir(dir)).sort(), ['journal', 'snapshot']);
    });
  });

  test('a lock of another pid namespace holds while it is touched, and not after', async () => {
    await inFolder(async (dir) => {
      const foreign = join(dir, 'lock.42.1.1.0000');
      await writeFile(foreign, '');
      const longAgo = Date.now() / 1000 - 60;
      await utimes(foreign, longAgo, longAgo);
      await withStore(dir, (store) => store.create('/a', bytes('x')));
      await assert.rejects(stat(foreign));
    });
  });

  test('of several that start at once never two have the folder', async () => {
    await inFolder(async (dir) => {
      const writers = Array.from({ length: 4 }, () => new Writer(dir));
      await eventually('all decided', () => writers.every(({ lines }) => lines.length > 0));
      const holders = writers.filter(({ lines }) => lines[0] === 'open');
      assert.ok(holders.length <= 1, `${holders.length} hold the folder`);
      await Promise.all(writers.map((writer) => writer.kill()));
      await withStore(dir, (store) => store.set('/', bytes('ok'), ANY_VERSION));
    });
  });
}
