import assert from 'node:assert/strict';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type CausewayError, isCausewayError } from '../../../common/errors/error.js';
import { openAdmin } from '../../../common/kafka/admin/admin.js';
import { METADATA } from '../../../common/kafka/wire/apis/metadata.js';
import { call } from '../../../common/kafka/wire/call.js';
import type { ClusterConnection, SaslMechanism, TlsSettings } from '../../../common/model/cluster.js';
import { silentLogger } from '../../../common/observability/logger.js';
import { systemClock } from '../../../common/runtime/clock.js';
import { type KafkaClusterHandle, startKafkaCluster } from '../../bed/kafka.js';
import { clientOf, connectionTo } from './wire-kit.js';

const MECHANISMS: readonly SaslMechanism[] = ['plain', 'scram-sha-256', 'scram-sha-512'];

async function clusterIdOf(cluster: ClusterConnection): Promise<string | null> {
  const client = clientOf(cluster);
  try {
    return (await client.metadata([])).clusterId;
  } finally {
    await client.close();
  }
}

async function faultOf(cluster: ClusterConnection): Promise<CausewayError> {
  try {
    await clusterIdOf({ ...cluster, connectTimeoutMs: 2_000 });
  } catch (error) {
    if (isCausewayError(error)) return error;
    throw error;
  }
  return assert.fail('it connected');
}

describe('SASL over TLS, Kafka 3.9.1', () => {
  let handle: KafkaClusterHandle;
  let tls: TlsSettings;

  // KIP-368: whoever logs in with PLAIN has to do so again after this time.
  const config = { 'listener.name.secured.plain.connections.max.reauth.ms': '2000' };

  before(async () => {
    handle = await startKafkaCluster({
      name: 'sasl-ssl',
      version: '3.9.1',
      security: { protocol: 'SASL_SSL' },
      config,
    });
    tls = { caFile: handle.security?.caFile ?? '' };
  });

  after(() => handle.stop());

  const login = (mechanism: SaslMechanism, password = 'alice-secret') => ({ mechanism, username: 'alice', password });

  test('PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512 log in, on our connection and on the admin’s', async () => {
    for (const mechanism of MECHANISMS) {
      const cluster = connectionTo(handle, { tls, sasl: login(mechanism) });
      assert.equal(await clusterIdOf(cluster), handle.clusterId, mechanism);
      const admin = openAdmin(cluster, silentLogger);
      assert.equal((await admin.topicConfigs(['missing'])).size, 0, mechanism);
      await admin.close();
    }
  });

  test('a wrong password is KAFKA_AUTH_FAILED that names the broker and not the password', async () => {
    for (const mechanism of MECHANISMS) {
      const cluster = connectionTo(handle, { tls, sasl: login(mechanism, 'wrong-secret') });
      const fault = await faultOf(cluster);
      assert.equal(fault.code, 'KAFKA_AUTH_FAILED', mechanism);
      assert.ok(fault.message.includes(cluster.bootstrap[0] as string), fault.message);
      assert.ok(!fault.message.includes('wrong-secret'));
      const admin = openAdmin(cluster, silentLogger);
      await assert.rejects(admin.topicConfigs(['missing']), (error) => isCausewayError(error, 'KAFKA_AUTH_FAILED'));
      await admin.close();
    }
  });

  test('a session is renewed on its connection in time; no request fails', async () => {
    const client = clientOf(connectionTo(handle, { tls, sasl: login('plain') }));
    try {
      const first = await client.connection(1, 'x');
      const until = performance.now() + 4_500;
      while (performance.now() < until) {
        const connection = await client.connection(1, 'x');
        assert.equal(connection, first);
        await call(connection, METADATA, { topics: [] });
        await systemClock.sleep(50);
      }
    } finally {
      await client.close();
    }
  });

  test('no login, and plain bytes to a TLS port, fail with a hint', async () => {
    const noLogin = await faultOf(connectionTo(handle, { tls }));
    assert.match(noLogin.fix ?? '', /login/);
    const plain = await faultOf(connectionTo(handle));
    assert.match(plain.message + (plain.fix ?? ''), /TLS/);
  });
});

describe('mutual TLS, Kafka 4.1.0', () => {
  let handle: KafkaClusterHandle;
  let folder: string;
  let files: { caFile: string; certFile: string; keyFile: string };

  before(async () => {
    handle = await startKafkaCluster({
      name: 'mtls',
      version: '4.1.0',
      security: { protocol: 'SSL', clientAuth: 'required' },
    });
    folder = await mkdtemp(join(tmpdir(), 'causeway-tls-'));
    const { caFile, clientCertFile, clientKeyFile } = handle.security ?? {};
    files = { caFile: caFile ?? '', certFile: clientCertFile ?? '', keyFile: clientKeyFile ?? '' };
  });

  after(async () => {
    await handle.stop();
    await rm(folder, { recursive: true, force: true });
  });

  test('a client certificate is accepted; its files are read anew at each connect', async () => {
    const rotated = { caFile: join(folder, 'ca'), certFile: join(folder, 'cert'), keyFile: join(folder, 'key') };
    const copy = () =>
      Promise.all(Object.entries(rotated).map(([name, to]) => copyFile(files[name as keyof typeof files], to)));
    await copy();
    const cluster = connectionTo(handle, { tls: rotated });
    assert.equal(await clusterIdOf(cluster), handle.clusterId);
    await writeFile(rotated.keyFile, 'no key');
    assert.equal((await faultOf(cluster)).code, 'KAFKA_AUTH_FAILED');
    await copy();
    assert.equal(await clusterIdOf(cluster), handle.clusterId);
  });

  test('an unknown CA, a missing client certificate, a wrong name and a missing file are KAFKA_AUTH_FAILED', async () => {
    const { caFile, ...certificate } = files;
    const settings: [string, TlsSettings][] = [
      ['unknown CA', certificate],
      ['no client certificate', { caFile }],
      ['wrong name', { ...files, serverName: 'kafka.elsewhere.example' }],
      ['missing file', { ...files, keyFile: join(folder, 'nowhere') }],
    ];
    for (const [name, tls] of settings)
      assert.equal((await faultOf(connectionTo(handle, { tls }))).code, 'KAFKA_AUTH_FAILED', name);
  });

  test('insecure switches the verification off', async () => {
    const { caFile: _, ...certificate } = files;
    assert.equal(
      await clusterIdOf(connectionTo(handle, { tls: { ...certificate, insecure: true } })),
      handle.clusterId,
    );
  });
});
