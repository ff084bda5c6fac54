import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { BedError } from '../../bed/bed-error.js';
import { type KafkaClusterHandle, startKafkaCluster } from '../../bed/kafka.js';
import { runKafkaTool, toolClasses } from '../../bed/tools.js';

const scramModule = 'org.apache.kafka.common.security.scram.ScramLoginModule';
const plainModule = 'org.apache.kafka.common.security.plain.PlainLoginModule';

/** How long the tool waits: for an answer that comes a busy machine may need long, a refusal that is silence takes all of it. */
interface Patience {
  readonly patienceMs?: number;
}

function listTopics(
  cluster: KafkaClusterHandle,
  folder: string,
  properties: Readonly<Record<string, string>>,
  { patienceMs = 45_000 }: Patience = {},
) {
  const file = join(folder, 'client.properties');
  const lines = Object.entries(properties).map(([key, value]) => `${key}=${value}`);
  const limits = [`request.timeout.ms=${patienceMs}`, `default.api.timeout.ms=${patienceMs}`];
  writeFileSync(file, `${[...lines, ...limits].join('\n')}\n`);
  const args = ['--bootstrap-server', cluster.bootstrapServers, '--command-config', file, '--list'];
  return runKafkaTool(toolClasses.topics, args, { version: cluster.version });
}

test('a SASL_SSL cluster lets in SCRAM and PLAIN users with the right password, over TLS it can prove', async () => {
  const cluster = await startKafkaCluster({ name: 'sasl', security: { protocol: 'SASL_SSL' } });
  const folder = mkdtempSync(join(tmpdir(), 'causeway-secured-'));
  try {
    const tls = {
      'security.protocol': 'SASL_SSL',
      'ssl.truststore.type': 'PEM',
      'ssl.truststore.location': cluster.security?.caFile ?? '',
    };
    const login = (module: string, password: string) => `${module} required username="alice" password="${password}";`;
    const scram = { ...tls, 'sasl.mechanism': 'SCRAM-SHA-512' };
    await listTopics(cluster, folder, { ...scram, 'sasl.jaas.config': login(scramModule, 'alice-secret') });
    const plain = { ...tls, 'sasl.mechanism': 'PLAIN' };
    await listTopics(cluster, folder, { ...plain, 'sasl.jaas.config': login(plainModule, 'alice-secret') });
    const wrong = { ...scram, 'sasl.jaas.config': login(scramModule, 'guessed') };
    await assert.rejects(listTopics(cluster, folder, wrong), (error) => {
      return error instanceof BedError && /SaslAuthenticationException/.test(error.message);
    });
  } finally {
    rmSync(folder, { recursive: true });
    await cluster.stop();
  }
});

test('a mutual-TLS 4.1.0 cluster lets in the client certificate and nobody without one', async () => {
  const security = { protocol: 'SSL', clientAuth: 'required' } as const;
  const cluster = await startKafkaCluster({ name: 'mtls', version: '4.1.0', security });
  const folder = mkdtempSync(join(tmpdir(), 'causeway-secured-'));
  try {
    const server = {
      'security.protocol': 'SSL',
      'ssl.truststore.type': 'PEM',
      'ssl.truststore.location': cluster.security?.caFile ?? '',
    };
    await assert.rejects(listTopics(cluster, folder, server, { patienceMs: 10_000 }), (error) => {
      return error instanceof BedError && /SslAuthenticationException/.test(error.message);
    });
    const client = {
      'ssl.keystore.type': 'PEM',
      'ssl.keystore.location': cluster.security?.clientStoreFile ?? '',
    };
    await listTopics(cluster, folder, { ...server, ...client });
  } finally {
    rmSync(folder, { recursive: true });
    await cluster.stop();
  }
});
