import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { checkAnswer, checkConnectAnswer, checkEvent } from '../../../common/coordination/zookeeper/answer-check.js';
import { parseConnectString } from '../../../common/coordination/zookeeper/connect-string.js';
import { Dialer } from '../../../common/coordination/zookeeper/dialer.js';
import { FrameReader } from '../../../common/coordination/zookeeper/frame-reader.js';
import { createChain } from '../../../common/coordination/zookeeper/root-chain.js';
import { isCausewayError } from '../../../common/errors/error.js';
import { seededRandom } from '../../../common/runtime/random.js';

describe('ZooKeeper connect strings (Z12)', () => {
  test('hosts, ports, IPv6 addresses and a path are read', () => {
    assert.deepEqual(parseConnectString('zk1:2181, zk2,[::1]:2182,[fe80::1%eth0]/kafka/main/'), {
      servers: [
        { host: 'zk1', port: 2181 },
        { host: 'zk2', port: 2181 },
        { host: '::1', port: 2182 },
        { host: 'fe80::1%eth0', port: 2181 },
      ],
      chroot: '/kafka/main',
    });
  });

  test('what would be read wrongly is refused with the fix', () => {
    for (const connect of ['', ',', '::1:2181', 'fe80::1', 'zk1:', 'zk1:0', 'zk1:99999', 'zk 1:2181', 'zk1:2181//x']) {
      assert.throws(
        () => parseConnectString(connect),
        (error) => isCausewayError(error, 'CONFIG_INVALID') && error.fix !== undefined,
        connect,
      );
    }
  });
});

describe('frame reader (Z13)', () => {
  const frame = (length: number): Buffer => {
    const bytes = Buffer.alloc(4 + length, length);
    bytes.writeInt32BE(length);
    return bytes;
  };

  test('frames come out whole, however the stream was cut', () => {
    const all = [frame(0), frame(1), frame(200), frame(70_000), frame(3)];
    const stream = Buffer.concat(all);
    for (const step of [1, 2, 3, 5, 7, 4_096, 65_536, stream.length]) {
      const reader = new FrameReader();
      const out: Buffer[] = [];
      for (let at = 0; at < stream.length; at += step) out.push(...reader.push(stream.subarray(at, at + step)));
      assert.ok(Buffer.concat(out).equals(stream), `in steps of ${step}`);
      assert.equal(out.length, all.length);
    }
  });

  test('a burst of small frames costs time in proportion to its size', () => {
    const burst = Buffer.concat(Array.from({ length: 200_000 }, () => frame(20)));
    const startedAt = performance.now();
    assert.equal(new FrameReader().push(burst).length, 200_000);
    // Each frame copied for each byte that comes would take minutes.
    assert.ok(performance.now() - startedAt < 10_000);
  });

  test('impossible lengths throw, and reset forgets half a frame', () => {
    assert.throws(() => new FrameReader().push(Buffer.from([0xff, 0xff, 0xff, 0xff])), RangeError);
    assert.throws(() => new FrameReader().push(Buffer.from([0x7f, 0, 0, 0])), RangeError);
    const reader = new FrameReader();
    reader.push(frame(100).subarray(0, 50));
    reader.reset();
    assert.equal(reader.push(frame(5)).length, 1);
  });
});

describe('answers are checked before the library reads them', () => {
  const OP = { create: 1, getData: 4, children: 12, multi: 14 };
  const int = (value: number): Buffer => {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32BE(value);
    return bytes;
  };
  const answer = (...body: Buffer[]): Buffer => Buffer.concat([Buffer.alloc(20), ...body]);

  test('a buffer that claims more than there is, which it would allocate', () => {
    assert.throws(() => checkAnswer(answer(int(0x7fff_ffff), Buffer.alloc(68)), OP.getData), RangeError);
    assert.throws(() => checkConnectAnswer(Buffer.concat([Buffer.alloc(20), int(0x7fff_ffff)])), RangeError);
  });

  test('negative lengths, which it would follow backwards for ever', () => {
    const names = Buffer.concat([int(0x7fff_ffff), int(-4)]);
    assert.throws(() => checkAnswer(answer(names, Buffer.alloc(68)), OP.children), RangeError);
    const header = Buffer.concat([int(OP.create), Buffer.alloc(1), int(0)]);
    assert.throws(() => checkAnswer(answer(header, int(-13)), OP.multi), RangeError);
    assert.throws(() => checkEvent(Buffer.concat([Buffer.alloc(8), int(-2)])), RangeError);
  });

  test('what is in order passes', () => {
    checkAnswer(answer(int(-1), Buffer.alloc(68)), OP.getData);
    checkAnswer(answer(int(2), Buffer.from('abc'), int(0), Buffer.from('x')), OP.create);
    checkAnswer(answer(int(1), int(1), Buffer.from('x'), Buffer.alloc(68)), OP.children);
  });
});

describe('dialer', () => {
  const servers = [
    { host: '127.0.0.1', port: 1 },
    { host: '127.0.0.1', port: 2 },
  ];

  test('every server is tried once without delay, then with a growing and bounded pause; success starts anew', () => {
    const dialer = new Dialer(servers, seededRandom(1));
    const attempt = (): number => {
      const delayMs = dialer.delayMs(false);
      dialer
        .dial()
        .on('error', () => undefined)
        .destroy();
      return delayMs;
    };
    assert.deepEqual([attempt(), attempt()], [0, 0]);
    const later = Array.from({ length: 20 }, attempt);
    assert.ok(later.every((delayMs) => delayMs > 0 && delayMs <= 3_000));
    assert.ok((later.at(-1) ?? 0) >= 1_500);
    assert.ok(dialer.delayMs(true) <= 500, 'quicker while a session can be saved');
    dialer.succeeded();
    assert.equal(dialer.delayMs(false), 0);
  });

  test('an attempt may last a sixth of the session at first and up to all of it (Z11)', () => {
    const dialer = new Dialer(servers, seededRandom(1));
    for (let i = 0; i < 12; i += 1)
      dialer
        .dial()
        .on('error', () => undefined)
        .destroy();
    assert.equal(dialer.limitMs(6_000), 1_000, 'refusals do not lengthen it');
    const limits: number[] = [];
    for (let i = 0; i < 12; i += 1) {
      limits.push(dialer.limitMs(6_000));
      dialer.tooSlow();
      dialer
        .dial()
        .on('error', () => undefined)
        .destroy();
    }
    assert.deepEqual(limits.slice(0, 6), [1_000, 1_000, 2_000, 2_000, 4_000, 4_000]);
    assert.equal(limits.at(-1), 6_000);
    dialer.succeeded();
    assert.equal(dialer.limitMs(6_000), 1_000);
  });
});

describe('creation of the root', () => {
  const NO_NODE = -101;
  const NODE_EXISTS = -110;

  test('only missing nodes are created, from the deepest existing one down', async () => {
    const there = new Set(['/a']);
    const asked: string[] = [];
    const outcome = await createChain('/a/b/c', async (path) => {
      asked.push(path);
      const parent = path.slice(0, path.lastIndexOf('/'));
      if (there.has(path)) return { err: NODE_EXISTS };
      if (parent !== '' && !there.has(parent)) return { err: NO_NODE };
      there.add(path);
      return { err: 0 };
    });
    assert.deepEqual(outcome, { err: 0 });
    assert.deepEqual(asked, ['/a/b/c', '/a/b', '/a/b/c']);
    assert.deepEqual([...there], ['/a', '/a/b', '/a/b/c']);
  });

  test('a refusal or a missing answer ends it', async () => {
    assert.deepEqual(await createChain('/a/b', async () => ({ err: -102 })), { err: -102 });
    assert.deepEqual(await createChain('/a/b', async () => ({ kind: 'lost' })), { kind: 'lost' });
  });
});
