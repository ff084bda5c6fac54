import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { isCausewayError } from '../../../../common/errors/error.js';
import { type DrillResult, drill } from '../../../../common/kafka/fencing/drill.js';
import { ApiKey } from '../../../../common/kafka/wire/api-keys.js';
import { buildBatch } from '../../../../common/kafka/wire/records/build-batch.js';
import { FakeTarget, hurriedClock } from './fake-target.js';

const running: FakeTarget[] = [];

afterEach(async () => {
  for (const target of running.splice(0)) await target.stop();
});

/** A target that fences as it should: a batch, its marker, 47. */
async function started(): Promise<FakeTarget> {
  const target = await FakeTarget.start({ t: 1 });
  running.push(target);
  target.produce = (nth) => (nth === 0 ? 0 : 47);
  const key = { key: Buffer.from('00000000', 'hex'), value: null, headers: [], timestamp: 1n };
  target.fetch = () => {
    const epoch = target.markers.at(-1)?.epoch;
    if (epoch === undefined) return { highWatermark: 1, records: Buffer.alloc(0) };
    const flags = { baseOffset: 1n, transactional: true, control: true };
    const marker = buildBatch([key], { ...flags, producerId: target.producerId, producerEpoch: epoch });
    return { highWatermark: 2, records: marker };
  };
  return target;
}

function run(target: FakeTarget): Promise<DrillResult> {
  const partition = { topic: 't', partition: 0 };
  const signal = new AbortController().signal;
  return drill({ client: target.client(hurriedClock()), fleet: 'f', partition, signal });
}

describe('5.7 the drill', () => {
  test('passes at a target that refuses the late batch with 47', async () => {
    const result = await run(await started());
    assert.equal(result.kind, 'passed');
    const { transactionalId, ...evidence } = result.evidence;
    assert.match(transactionalId, /^causeway\.f\.drill\./);
    const epochs = { laneEpoch: 4, fenceEpoch: 5 };
    assert.deepEqual(evidence, { producerId: 7n, ...epochs, writtenOffset: 0n, markerOffset: 1n, lateCode: 47 });
  });

  test('fails at a target that takes the late batch, or answers it with anything else', async () => {
    for (const code of [0, 45, 90]) {
      const target = await started();
      target.produce = (nth) => (nth === 0 ? 0 : code);
      const result = await run(target);
      assert.ok(result.kind === 'failed');
      assert.match(result.reason, new RegExp(`fenced lane was answered with \\w+ \\(${code}\\)`));
      assert.equal(result.evidence.lateCode, code);
    }
  });

  test('fails at a target where no marker comes', async () => {
    const target = await started();
    target.fetch = () => ({ highWatermark: 1, records: Buffer.alloc(0) });
    const result = await run(target);
    assert.ok(result.kind === 'failed');
    assert.match(result.reason, /no marker/);
    assert.equal(result.evidence.lateCode, undefined);
  });

  test('fails at a target that has no transactional ids, or grants none', async () => {
    const without = await started();
    without.withheld.add(ApiKey.InitProducerId);
    const unsupported = await run(without);
    assert.ok(unsupported.kind === 'failed');
    assert.match(unsupported.reason, /InitProducerId/);
    const refusing = await started();
    refusing.mishap = ({ api }) => (api === ApiKey.InitProducerId ? 53 : undefined);
    const refused = await run(refusing);
    assert.ok(refused.kind === 'failed');
    assert.match(refused.reason, /TRANSACTIONAL_ID_AUTHORIZATION_FAILED/);
    const denying = await started();
    denying.codes.set('t-0', 29);
    const denied = await run(denying);
    assert.ok(denied.kind === 'failed');
    assert.match(denied.reason, /TOPIC_AUTHORIZATION_FAILED \(29\)/);
  });

  test('proves nothing at a target that is out of reach: that is an error, not a failure', async () => {
    const target = await started();
    target.mishap = ({ api }) => (api === ApiKey.InitProducerId ? 16 : undefined);
    await assert.rejects(run(target), (error) => isCausewayError(error, 'TIMEOUT'));
    const refusing = await started();
    refusing.produce = () => 6;
    await assert.rejects(run(refusing), (error) => isCausewayError(error, 'KAFKA_ERROR') && error.kafkaCode === 6);
  });
});
