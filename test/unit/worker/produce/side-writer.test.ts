import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CausewayError, isCausewayError } from '../../../../common/errors/error.js';
import type { ClusterClient } from '../../../../common/kafka/wire/cluster-client.js';
import { BrokerConnection } from '../../../../common/kafka/wire/connection.js';
import { Writer } from '../../../../common/kafka/wire/writer.js';
import { silentLogger } from '../../../../common/observability/logger.js';
import { systemClock } from '../../../../common/runtime/clock.js';
import { systemRandom } from '../../../../common/runtime/random.js';
import { Lane } from '../../../../worker/lane/lane.js';
import { SideWriter, type SideWriterDeps } from '../../../../worker/produce/side-writer.js';
import { type FakeAnswer, FakeBroker } from '../../kafka/wire/fake-broker.js';

const PRODUCER_ID = 0x1234_5678_9abcn;
const TOPIC = 'gaps';
const record = { key: null, value: Buffer.from('v'), headers: [], timestamp: 1n };

/** Produce v11. */
function answered(errorCode: number): Buffer {
  const writer = new Writer(true);
  writer.array([TOPIC], (topic) => {
    writer.string(topic).array([0], (partition) => {
      writer.int32(partition).int16(errorCode).int64(0n).int64(-1n).int64(0n);
      writer
        .array([], () => undefined)
        .nullableString(null)
        .tags();
    });
    writer.tags();
  });
  return Buffer.concat([Buffer.of(0), ...writer.int32(0).tags().toBuffers()]);
}

/** Stores what comes in sequence, as a broker does. */
class Log {
  next = 0;

  answer(request: Buffer): Buffer {
    const id = Buffer.alloc(8);
    id.writeBigInt64BE(PRODUCER_ID);
    // Producer id, epoch, base sequence.
    const sequence = request.readInt32BE(request.indexOf(id) + 10);
    if (sequence > this.next) return answered(45);
    if (sequence === this.next) this.next += 1;
    return answered(0);
  }
}

async function sideWriter(
  answer: FakeAnswer,
  connecting: (attempt: number) => void,
  mayProduce: () => boolean = () => true,
): Promise<{ writer: SideWriter; lane: Lane; close: () => Promise<void> }> {
  const broker = await FakeBroker.start(answer);
  const cluster = { name: 't', bootstrap: [], connectTimeoutMs: 1_000, requestTimeoutMs: 1_000 };
  let attempts = 0;
  let open: BrokerConnection | undefined;
  const connection: ClusterClient['connection'] = async () => {
    attempts += 1;
    connecting(attempts);
    if (open === undefined || open.closedError !== undefined) {
      const place = { host: '127.0.0.1', port: broker.port };
      open = await BrokerConnection.open({
        ...place,
        cluster,
        clientId: 't',
        clock: systemClock,
        logger: silentLogger,
      });
    }
    return open;
  };
  const leaders = { leader: () => ({ broker: 1, epoch: 0 }), track: () => undefined, refresh: () => undefined };
  const writer = new SideWriter({
    client: { connection },
    leaders: leaders as unknown as SideWriterDeps['leaders'],
    cluster: 't',
    requestTimeoutMs: 1_000,
    mayProduce,
    enroll: () => Promise.reject(new Error('no lane here is transactional')),
    clock: systemClock,
    random: systemRandom,
  });
  const lane = new Lane({
    transactionalId: 'causeway.f.w.i.0',
    worker: 'w',
    incarnation: 'i',
    index: 0,
    target: 't',
    producerId: PRODUCER_ID,
    producerEpoch: 0,
    state: 'active',
    http: '',
    createdAt: '',
  });
  const close = async (): Promise<void> => {
    writer.close();
    open?.close();
    await broker.stop();
  };
  return { writer, lane, close };
}

test('a login that is refused for a moment leaves no hole in the sequence: what is written afterwards is stored', async () => {
  const log = new Log();
  const { writer, lane, close } = await sideWriter(
    ({ api, body }) => (api === 0 ? log.answer(body) : undefined),
    (attempt) => {
      if (attempt === 1) throw new CausewayError('KAFKA_AUTH_FAILED', 'the password is being changed');
    },
  );
  await assert.rejects(writer.write(lane, TOPIC, 0, [record]), { code: 'KAFKA_AUTH_FAILED' }, 'the partition says why');
  await writer.write(lane, TOPIC, 0, [record]);
  await writer.write(lane, TOPIC, 0, [record]);
  assert.equal(log.next, 2);
  await close();
});

test('a lease that ends while the connection is opened: not a byte is sent', async () => {
  let produced = 0;
  let mayProduce = true;
  const { writer, lane, close } = await sideWriter(
    ({ api }) => {
      produced += api === 0 ? 1 : 0;
      return undefined;
    },
    () => {
      mayProduce = false;
    },
    () => mayProduce,
  );
  const written = writer.write(lane, TOPIC, 0, [record]).catch((error: unknown) => error);
  await systemClock.sleep(100);
  await close();
  assert.ok(isCausewayError(await written, 'SHUTTING_DOWN'));
  assert.equal(produced, 0);
});

test('what cannot be sent at all is told at once: a drain need not wait for it', async () => {
  const lost = new CausewayError('CONNECTION_LOST', 'the broker is gone');
  const { writer, lane, close } = await sideWriter(
    () => undefined,
    () => {
      throw lost;
    },
  );
  await assert.rejects(writer.write(lane, TOPIC, 0, [record]), lost);
  assert.equal(lane.takeSequence(`${TOPIC}-0`, 0), 0);
  await close();
});

test('a lane that lost count of the topic is told apart from a refusal: the topic’s settings will not cure it', async () => {
  const { writer, lane, close } = await sideWriter(
    ({ api }) => (api === 0 ? answered(45) : undefined),
    () => undefined,
  );
  await assert.rejects(writer.write(lane, TOPIC, 0, [record]), { code: 'SEQUENCE_BROKEN' });
  await close();
});

test('an answer that cannot be read leaves the batch in doubt: the same bytes again, and nothing before them', async () => {
  const log = new Log();
  let answers = 0;
  const { writer, lane, close } = await sideWriter(
    ({ api, body }) => {
      if (api !== 0) return undefined;
      const answer = log.answer(body);
      answers += 1;
      return answers === 1 ? answer.subarray(0, 9) : answer;
    },
    () => undefined,
  );
  await writer.write(lane, TOPIC, 0, [record]).catch(() => undefined);
  await writer.write(lane, TOPIC, 0, [record]);
  assert.deepEqual([log.next, answers], [2, 3]);
  await close();
});
