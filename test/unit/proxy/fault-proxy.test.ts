import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiKey } from '../../../common/kafka/wire/api-keys.js';
import { encodeProduceRequest } from '../../../common/kafka/wire/apis/produce.js';
import { requestHeader } from '../../../common/kafka/wire/headers.js';
import { buildBatch } from '../../../common/kafka/wire/records/build-batch.js';
import { FaultProxy } from '../../proxy/fault-proxy.js';
import { KafkaDialect } from '../../proxy/kafka-dialect.js';
import { beginsSequence, ProduceTap } from '../../proxy/produce-tap.js';
import { FakeBroker } from '../kafka/wire/fake-broker.js';

const PRODUCE_VERSION = 3;
const GROUPS_VERSION = 1;
const REQUEST_TIMED_OUT = 7;

/** Produce v3: one partition of `t` got base offset 40; of other requests: nothing but the correlation id. */
function answerOf(api: number): Buffer {
  if (api !== ApiKey.Produce) return Buffer.alloc(0);
  const body = Buffer.alloc(4 + 3 + 4 + 22 + 4);
  body.writeInt32BE(1, 0);
  body.writeInt16BE(1, 4);
  body.write('t', 6);
  body.writeInt32BE(1, 7);
  body.writeBigInt64BE(40n, 17);
  body.writeBigInt64BE(-1n, 25);
  return body;
}

interface Client {
  readonly socket: Socket;
  /** Sends a request; Produce with one batch. */
  ask(api: ApiKey, correlationId: number): void;
  /** Correlation ids of the answers so far. */
  answered(): number[];
  readonly answers: readonly Buffer[];
  closed(): boolean;
}

describe('a proxy that understands what passes', () => {
  let broker: FakeBroker;
  before(async () => {
    broker = await FakeBroker.start(({ api }) => answerOf(api));
  });
  after(() => broker.stop());

  async function proxied(body: (proxy: FaultProxy) => Promise<void>): Promise<void> {
    const proxy = await FaultProxy.start({
      target: { host: '127.0.0.1', port: broker.port },
      dialect: new KafkaDialect(),
    });
    try {
      await body(proxy);
    } finally {
      await proxy.close();
    }
  }

  async function open(proxy: FaultProxy): Promise<Client> {
    const socket = connect({ host: '127.0.0.1', port: proxy.port, noDelay: true });
    const answers: Buffer[] = [];
    let held = Buffer.alloc(0);
    let isClosed = false;
    socket.on('error', () => undefined);
    socket.on('close', () => {
      isClosed = true;
    });
    socket.on('data', (chunk: Buffer) => {
      held = Buffer.concat([held, chunk]);
      while (held.length >= 4 && held.length >= 4 + held.readInt32BE(0)) {
        const end = 4 + held.readInt32BE(0);
        answers.push(held.subarray(0, end));
        held = held.subarray(end);
      }
    });
    await new Promise<void>((resolve) => socket.once('connect', () => resolve()));
    const ask = (api: ApiKey, correlationId: number): void => {
      const version = api === ApiKey.Produce ? PRODUCE_VERSION : GROUPS_VERSION;
      const records = [buildBatch([{ key: null, value: Buffer.from('v'), headers: [], timestamp: 1n }])];
      const partitions = [{ topic: 't', partition: 0, records }];
      const produce = { transactionalId: null, acks: -1, timeoutMs: 1, partitions } as const;
      const payload = api === ApiKey.Produce ? encodeProduceRequest(version, produce) : [];
      const clientId = Buffer.from('c');
      socket.write(
        Buffer.concat([requestHeader({ api, version, flexible: false, correlationId, clientId }, payload), ...payload]),
      );
    };
    return {
      socket,
      ask,
      answers,
      answered: () => answers.map((answer) => answer.readInt32BE(4)),
      closed: () => isClosed,
    };
  }

  async function until(what: string, probe: () => boolean): Promise<void> {
    for (let i = 0; i < 6_000 && !probe(); i += 1) await sleep(10);
    assert.ok(probe(), what);
  }

  const seen = (correlationId: number): number =>
    broker.requests.filter((request) => request.correlationId === correlationId).length;

  test('an answer of one kind is swallowed, every other passes, and the rule ends after its times', async () => {
    await proxied(async (proxy) => {
      const client = await open(proxy);
      const rule = proxy.add({ direction: 'toClient', apis: [ApiKey.Produce], action: { kind: 'drop' }, times: 1 });
      client.ask(ApiKey.Produce, 101);
      client.ask(ApiKey.ListOffsets, 102);
      client.ask(ApiKey.Produce, 103);
      await until('two answers', () => client.answers.length === 2);
      assert.deepEqual(client.answered(), [102, 103]);
      assert.equal(seen(101), 1, 'the broker had it');
      assert.equal(rule.hits, 1);
    });
  });

  test('a rule may look into the frame', async () => {
    await proxied(async (proxy) => {
      const client = await open(proxy);
      const [drop, apis] = [{ kind: 'drop' } as const, [ApiKey.Produce]];
      // What `buildBatch` makes has no sequence: it begins none.
      const rule = proxy.add({
        direction: 'toServer',
        apis,
        only: (frame, { version }) => beginsSequence(version, frame),
        action: drop,
      });
      client.ask(ApiKey.Produce, 111);
      await until('an answer', () => client.answers.length === 1);
      assert.equal(rule.hits, 0);
      proxy.add({ direction: 'toServer', apis, only: (frame) => frame.readInt32BE(8) === 113, action: drop });
      for (const id of [112, 113, 114]) client.ask(ApiKey.Produce, id);
      await until('two more answers', () => client.answers.length === 3);
      assert.deepEqual(client.answered(), [111, 112, 114]);
    });
  });

  test('a tap counts what each producer sends from then on, and what the broker says to it', async () => {
    await proxied(async (proxy) => {
      const client = await open(proxy);
      client.ask(ApiKey.Produce, 121);
      await until('the first answer', () => client.answers.length === 1);
      const tap = new ProduceTap([proxy]);
      client.ask(ApiKey.Produce, 122);
      await until('the second answer', () => client.answers.length === 2);
      assert.deepEqual(tap.of(-1n), { sent: 1, accepted: 1, refused: new Map() });
      const code = REQUEST_TIMED_OUT;
      proxy.add({ direction: 'toClient', apis: [ApiKey.Produce], action: { kind: 'error', code } });
      tap.close();
      client.ask(ApiKey.Produce, 123);
      await until('the third answer', () => client.answers.length === 3);
      assert.equal(tap.of(-1n).sent, 1, 'it counts no more');
    });
  });

  test('every n-th frame is struck, and none once the rule is removed', async () => {
    await proxied(async (proxy) => {
      const client = await open(proxy);
      const rule = proxy.add({ direction: 'toClient', action: { kind: 'drop' }, every: 3 });
      for (let id = 1; id <= 7; id += 1) client.ask(ApiKey.ListOffsets, id);
      await until('five answers', () => client.answers.length === 5);
      assert.deepEqual(client.answered(), [1, 2, 4, 5, 7]);
      rule.remove();
      for (let id = 8; id <= 12; id += 1) client.ask(ApiKey.ListOffsets, id);
      await until('all answers', () => client.answers.length === 10);
      assert.equal(rule.hits, 2);
    });
  });

  test('the connection is cut in place of an answer: the request was done and nobody knows', async () => {
    await proxied(async (proxy) => {
      const client = await open(proxy);
      proxy.add({ direction: 'toClient', apis: [ApiKey.Produce], action: { kind: 'cut' } });
      client.ask(ApiKey.Produce, 201);
      await until('the end', client.closed);
      assert.equal(seen(201), 1);
      assert.equal(client.answers.length, 0);
    });
  });

  test('a stalled connection is silent from then on, others are not', async () => {
    await proxied(async (proxy) => {
      const client = await open(proxy);
      proxy.add({ direction: 'toClient', apis: [ApiKey.Produce], action: { kind: 'stall' }, times: 1 });
      client.ask(ApiKey.Produce, 301);
      client.ask(ApiKey.ListOffsets, 302);
      await until('the broker had both', () => seen(301) + seen(302) === 2);
      const other = await open(proxy);
      other.ask(ApiKey.Produce, 303);
      await until('the other’s answer', () => other.answers.length === 1);
      assert.equal(client.answers.length, 0);
      client.socket.destroy();
      await until('the stalled connection is gone with its client', () => proxy.tcp.open === 1);
    });
  });

  test('an answer comes twice, or late with all that follows it', async () => {
    await proxied(async (proxy) => {
      const client = await open(proxy);
      proxy.add({ direction: 'toClient', apis: [ApiKey.Produce], action: { kind: 'duplicate' }, times: 1 });
      client.ask(ApiKey.Produce, 401);
      await until('both', () => client.answers.length === 2);
      assert.deepEqual(client.answered(), [401, 401]);
      const delayMs = 150;
      proxy.add({ direction: 'toClient', apis: [ApiKey.Produce], action: { kind: 'delay', delayMs }, times: 1 });
      const since = performance.now();
      client.ask(ApiKey.Produce, 402);
      client.ask(ApiKey.ListOffsets, 403);
      await until('all', () => client.answers.length === 4);
      assert.ok(performance.now() - since >= delayMs - 1);
      assert.deepEqual(client.answered().slice(2), [402, 403]);
    });
  });

  test('an answer says an error, and a batch is damaged on its way', async () => {
    await proxied(async (proxy) => {
      const client = await open(proxy);
      const code = REQUEST_TIMED_OUT;
      proxy.add({ direction: 'toClient', apis: [ApiKey.Produce], action: { kind: 'error', code }, times: 1 });
      proxy.add({ direction: 'toServer', action: { kind: 'flip' }, times: 1 });
      client.ask(ApiKey.ListOffsets, 500);
      client.ask(ApiKey.Produce, 501);
      client.ask(ApiKey.Produce, 502);
      await until('all', () => client.answers.length === 3);
      const errorAt = 8 + 4 + 3 + 4 + 4;
      assert.deepEqual(
        client.answers.slice(1).map((answer) => answer.readInt16BE(errorAt)),
        [REQUEST_TIMED_OUT, 0],
      );
      const [damaged, whole] = [501, 502].map(
        (id) => broker.requests.find(({ correlationId }) => correlationId === id)?.body as Buffer,
      );
      const different = [...(whole as Buffer).keys()].filter((at) => damaged?.[at] !== whole?.[at]);
      assert.deepEqual(different, [(whole as Buffer).length - 1]);
    });
  });

  test('what no server does is refused: requests that come twice or say an error', async () => {
    await proxied(async (proxy) => {
      assert.throws(() => proxy.add({ direction: 'toServer', action: { kind: 'duplicate' } }), RangeError);
      assert.throws(() => proxy.add({ direction: 'toServer', action: { kind: 'error', code: 1 } }), RangeError);
    });
  });

  test('a thin line carries what its bandwidth allows, and a healed one everything', async () => {
    await proxied(async (proxy) => {
      const client = await open(proxy);
      client.ask(ApiKey.ListOffsets, 600);
      await until('it works', () => client.answers.length === 1);
      // Answers of 8 bytes each.
      proxy.tcp.throttle(80, 'toClient');
      const since = performance.now();
      client.ask(ApiKey.ListOffsets, 601);
      client.ask(ApiKey.ListOffsets, 602);
      client.ask(ApiKey.ListOffsets, 603);
      client.ask(ApiKey.ListOffsets, 604);
      await until('all', () => client.answers.length === 5);
      assert.ok(performance.now() - since >= 290);
      proxy.heal();
      const healedAt = performance.now();
      for (let id = 605; id < 635; id += 1) client.ask(ApiKey.ListOffsets, id);
      await until('thirty more', () => client.answers.length === 35);
      // The thin line would take three seconds for them.
      assert.ok(performance.now() - healedAt < 2_500);
    });
  });

  test('a held line that is healed lets everything through, or nothing of it when it is to be forgotten', async () => {
    await proxied(async (proxy) => {
      const client = await open(proxy);
      proxy.tcp.hold('toServer');
      client.ask(ApiKey.Produce, 701);
      await sleep(30);
      assert.equal(seen(701), 0);
      proxy.heal();
      await until('it arrives late', () => seen(701) === 1);
      proxy.tcp.hold('toServer');
      client.ask(ApiKey.Produce, 702);
      await sleep(30);
      proxy.heal({ forget: true });
      await until('the connection is reset', client.closed);
      await sleep(30);
      assert.equal(seen(702), 0);
    });
  });
});
