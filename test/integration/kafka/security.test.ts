import assert from 'node:assert/strict';
import { copyFile, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { isCausewayError } from '../../../common/errors/error.js';
import { openAdmin } from '../../../common/kafka/admin/admin.js';
import { METADATA } from '../../../common/kafka/wire/apis/metadata.js';
import { call } from '../../../common/kafka/wire/call.js';
import type { SaslSettings, TlsSettings } from '../../../common/model/cluster.js';
import { silentLogger } from '../../../common/observability/logger.js';
import { systemClock } from '../../../common/runtime/clock.js';
import type { KafkaVersion } from '../../bed/kafka-set.js';
import { runKafkaTool, toolClasses } from '../../bed/tools.js';
import { waitUntil } from '../../bed/wait.js';
import {
  adminWorks,
  clusterIdOf,
  faultOf,
  type SecuredBed,
  startSecuredBed,
  TokenIssuer,
  unsecuredToken,
} from './security-kit.js';
import { clientOf, connectionTo } from './wire-kit.js';

const PASSWORD_MECHANISMS = ['plain', 'scram-sha-256', 'scram-sha-512'] as const;

const login = (mechanism: (typeof PASSWORD_MECHANISMS)[number], password = 'alice-secret'): SaslSettings => ({
  mechanism,
  username: 'alice',
  password,
});

/** KIP-368: whoever logs in with PLAIN has to do so again after this time. A renewal has a tenth of it before requests wait, and another before its end. */
const REAUTH_MS = 4_000;
const config = { 'listener.name.secured.plain.connections.max.reauth.ms': String(REAUTH_MS) };

/** Both versions beside each other: sessions are waited for. */
describe('security', { concurrency: true }, () => {
  for (const version of ['3.9.1', '4.1.0'] satisfies KafkaVersion[]) {
    describe(`security, Kafka ${version}`, { concurrency: 1 }, () => {
      let bed: SecuredBed;
      let folder: string;
      let tokenFile: string;
      let issuer: TokenIssuer;

      before(async () => {
        bed = await startSecuredBed(version, config);
        folder = await mkdtemp(join(tmpdir(), 'causeway-security-'));
        tokenFile = join(folder, 'token');
        issuer = await TokenIssuer.start();
      });

      after(async () => {
        issuer.stop();
        await bed.handle.stop();
        await rm(folder, { recursive: true, force: true });
      });

      /** Both of our clients get in. */
      const works = async (cluster: Parameters<typeof adminWorks>[0]): Promise<void> => {
        assert.equal(await clusterIdOf(cluster), bed.handle.clusterId);
        await adminWorks(cluster);
      };
      const refused = async (cluster: Parameters<typeof adminWorks>[0], pattern: RegExp): Promise<void> => {
        for (const use of [clusterIdOf, adminWorks]) {
          const fault = await faultOf(use, cluster);
          assert.equal(fault.code, 'KAFKA_AUTH_FAILED', fault.message);
          assert.match(fault.message, pattern);
        }
      };

      test('PLAIN and SCRAM log in over TLS, on our connections and on the admin’s; a wrong password does not', async () => {
        for (const mechanism of PASSWORD_MECHANISMS) {
          await works(bed.secured({ sasl: login(mechanism) }));
          const wrong = bed.secured({ sasl: login(mechanism, 'wrong-secret') });
          await refused(wrong, /^(?!.*wrong-secret)/);
          const fault = await faultOf(clusterIdOf, wrong);
          assert.ok(fault.message.includes(wrong.bootstrap[0] as string), fault.message);
        }
      });

      test('OAUTHBEARER logs in with the token that its file holds at the moment', async () => {
        const sasl = { mechanism: 'oauthbearer', tokenFile } as const;
        await refused(bed.secured({ sasl }), /token file cannot be read/);
        await writeFile(tokenFile, unsecuredToken(-60));
        await refused(bed.secured({ sasl }), /refused the token: invalid_token/);
        await writeFile(tokenFile, `${unsecuredToken()}\n`);
        await works(bed.secured({ sasl }));
        await works(bed.clear({ sasl }));
      });

      test('OAUTHBEARER fetches one token for all connections, and another when the broker refuses it', async () => {
        const tokenEndpoint = { url: issuer.url, clientId: 'causeway', clientSecret: 'issued' };
        const cluster = bed.clear({ sasl: { mechanism: 'oauthbearer', tokenEndpoint } });
        await works(cluster);
        await works(cluster);
        assert.deepEqual(issuer.secrets, ['causeway:issued']);
        const other = bed.clear({ sasl: { mechanism: 'oauthbearer', tokenEndpoint: { ...tokenEndpoint } } });
        issuer.next = () => unsecuredToken(-60);
        await refused(other, /refused the token/);
        issuer.next = () => unsecuredToken();
        await works(other);
      });

      test('a session is renewed on its connection in time; no request fails, of ours or the admin’s', async () => {
        const cluster = bed.secured({ sasl: login('plain') });
        const client = clientOf(cluster);
        const admin = openAdmin(cluster, silentLogger);
        try {
          const first = await client.connection(1, 'x');
          // Past the second session's end.
          const until = performance.now() + 2.1 * REAUTH_MS;
          while (performance.now() < until) {
            assert.equal(await client.connection(1, 'x'), first);
            await Promise.all([1, 2, 3].map(() => call(first, METADATA, { topics: [] })));
            await admin.topicConfigs(['missing']);
            await systemClock.sleep(50);
          }
        } finally {
          await client.close();
          await admin.close();
        }
      });

      test('a rotated password needs no restart: the next connection reads it from its file', async () => {
        const passwordFile = join(folder, 'password');
        await writeFile(passwordFile, 'alice-secret\n');
        const cluster = bed.secured({ sasl: { mechanism: 'scram-sha-512', username: 'alice', passwordFile } });
        const client = clientOf(cluster);
        const admin = openAdmin(cluster, silentLogger);
        try {
          await client.metadata([]);
          await admin.topicConfigs(['missing']);
          const server = ['--bootstrap-server', bed.handle.plaintextBootstrapServers];
          const change = ['--alter', '--entity-type', 'users', '--entity-name', 'alice'];
          const added = ['--add-config', 'SCRAM-SHA-512=[password=changed]'];
          await runKafkaTool(toolClasses.configs, [...server, ...change, ...added], { version });
          // The broker has it a moment after the tool has ended.
          await waitUntil('the old password is refused', async () => {
            try {
              (await client.anyConnection()).close();
              await client.metadata([]);
              return false;
            } catch (error) {
              return isCausewayError(error, 'KAFKA_AUTH_FAILED');
            }
          });
          await rename(passwordFile, `${passwordFile}.gone`);
          await assert.rejects(client.metadata([]), /password file cannot be read/);
          await writeFile(passwordFile, 'changed\n');
          await client.metadata([]);
          await admin.topicConfigs(['missing']);
          await works(cluster);
        } finally {
          await client.close();
          await admin.close();
        }
      });

      test('mutual TLS takes the certificate that its files hold at each connect', async () => {
        const {
          clientCertFile = '',
          clientKeyFile = '',
          nextCertFile = '',
          nextKeyFile = '',
        } = bed.handle.security ?? {};
        const tls = { ...bed.ca, certFile: join(folder, 'cert'), keyFile: join(folder, 'key') };
        const install = (cert: string, key: string) =>
          Promise.all([copyFile(cert, tls.certFile), copyFile(key, tls.keyFile)]);
        const cluster = bed.mutual({ tls });
        await refused(cluster, /TLS file cannot be read/);
        await install(clientCertFile, clientKeyFile);
        await works(cluster);
        const client = clientOf(cluster);
        const admin = openAdmin(cluster, silentLogger);
        try {
          await client.metadata([]);
          await admin.topicConfigs(['missing']);
          await writeFile(tls.keyFile, 'no key');
          (await client.anyConnection()).close();
          await assert.rejects(client.metadata([]), (error) => isCausewayError(error, 'KAFKA_AUTH_FAILED'));
          await install(nextCertFile, nextKeyFile);
          await client.metadata([]);
          await admin.topicConfigs(['missing']);
        } finally {
          await client.close();
          await admin.close();
        }
      });

      test('IPv6 from the bootstrap list to what brokers advertise, over TLS with the address in the certificate', async () => {
        for (const cluster of [bed.six(), bed.sixTls()]) {
          await works(cluster);
          const client = clientOf(cluster);
          const { brokers } = await client.metadata([]);
          await client.close();
          assert.equal(
            brokers
              .get(1)
              ?.host.replace(/^\[|\]$/g, '')
              .replace('0:0:0:0:0:0:0:1', '::1'),
            '::1',
          );
        }
      });

      test('an unknown CA, a missing client certificate, a wrong name and plain bytes are told apart', async () => {
        const { clientCertFile: certFile = '', clientKeyFile: keyFile = '' } = bed.handle.security ?? {};
        const files = { ...bed.ca, certFile, keyFile };
        const settings: [string, TlsSettings][] = [
          ['unknown CA', { certFile, keyFile }],
          ['no client certificate', bed.ca],
          ['wrong name', { ...files, serverName: 'kafka.elsewhere.example' }],
        ];
        for (const [name, tls] of settings)
          assert.equal((await faultOf(clusterIdOf, bed.mutual({ tls }))).code, 'KAFKA_AUTH_FAILED', name);
        assert.equal(
          await clusterIdOf(bed.mutual({ tls: { certFile, keyFile, insecure: true } })),
          bed.handle.clusterId,
        );
        assert.match((await faultOf(clusterIdOf, bed.secured())).fix ?? '', /login/);
        const plain = await faultOf(clusterIdOf, connectionTo(bed.handle));
        assert.match(plain.message + (plain.fix ?? ''), /TLS/);
      });
    });
  }
});
