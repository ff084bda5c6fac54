import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isCausewayError } from '../../../../common/errors/error.js';
import { openAdmin } from '../../../../common/kafka/admin/admin.js';
import { adminError } from '../../../../common/kafka/admin/admin-errors.js';
import type { ClusterConnection } from '../../../../common/model/cluster.js';
import { silentLogger } from '../../../../common/observability/logger.js';
import { FakeBroker } from '../wire/fake-broker.js';

const cluster = (bootstrap: string): ClusterConnection => ({
  name: 'c',
  bootstrap: [bootstrap],
  connectTimeoutMs: 300,
  requestTimeoutMs: 300,
});

test('an IPv6 bootstrap address is reached; a broker that stays silent is unreachable, with cluster and topic', async (t) => {
  const broker = await FakeBroker.start(() => 'silent', '::1').catch(() => undefined);
  if (broker === undefined) return t.skip('no IPv6 here');
  const admin = openAdmin(cluster(`[::1]:${broker.port}`), silentLogger);
  try {
    await assert.rejects(admin.createPartitions('orders', 3), (error) => {
      assert.ok(isCausewayError(error, 'CLUSTER_UNREACHABLE'), String(error));
      assert.deepEqual([error.place.cluster, error.place.topic], ['c', 'orders']);
      return true;
    });
    assert.ok(broker.requests.length > 0);
  } finally {
    await admin.close();
    await broker.stop();
  }
});

test('a cluster that is not there is CLUSTER_UNREACHABLE', async () => {
  const broker = await FakeBroker.start();
  await broker.stop();
  const admin = openAdmin(cluster(`127.0.0.1:${broker.port}`), silentLogger);
  await assert.rejects(admin.deleteTopic('orders'), (error) => isCausewayError(error, 'CLUSTER_UNREACHABLE'));
  await admin.close();
  await assert.rejects(admin.deleteTopic('orders'), (error) => isCausewayError(error, 'SHUTTING_DOWN'));
});

test('kafkajs’ errors become ours, however deep Kafka’s code lies in them', () => {
  const protocol = Object.assign(new Error('no'), { name: 'KafkaJSProtocolError', code: 38 });
  const wrapped = Object.assign(new Error('retries'), { cause: { name: 'KafkaJSAggregateError', errors: [protocol] } });
  const error = adminError(wrapped, 'create topic t', { cluster: 'c', topic: 't' });
  assert.deepEqual([error.code, error.kafkaCode], ['KAFKA_ERROR', 38]);
  assert.match(error.message, /create topic t .*INVALID_REPLICATION_FACTOR \(38\)/);

  const named = (name: string, code?: string) =>
    adminError(Object.assign(new Error('x'), { name, code }), 'w', {}).code;
  assert.equal(named('KafkaJSSASLAuthenticationError'), 'KAFKA_AUTH_FAILED');
  assert.equal(named('KafkaJSConnectionError', 'SELF_SIGNED_CERT_IN_CHAIN'), 'KAFKA_AUTH_FAILED');
  assert.equal(named('KafkaJSConnectionError', 'ECONNREFUSED'), 'CLUSTER_UNREACHABLE');
  assert.equal(named('KafkaJSConnectionClosedError'), 'CONNECTION_LOST');
  assert.equal(named('KafkaJSRequestTimeoutError'), 'REQUEST_TIMEOUT');
  assert.equal(named('KafkaJSServerDoesNotSupportApiKey'), 'UNSUPPORTED_BROKER');

  const endless: { cause?: unknown } = new Error('loop');
  endless.cause = endless;
  assert.equal(adminError(endless, 'w', {}).code, 'CLUSTER_UNREACHABLE');
});
