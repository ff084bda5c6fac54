import { createServer, type Server } from 'node:http';
import { type CausewayError, isCausewayError } from '../../../common/errors/error.js';
import { openAdmin } from '../../../common/kafka/admin/admin.js';
import type { ClusterConnection, TlsSettings } from '../../../common/model/cluster.js';
import { silentLogger } from '../../../common/observability/logger.js';
import { freePort } from '../../bed/free-port.js';
import { type KafkaClusterHandle, startKafkaCluster } from '../../bed/kafka.js';
import type { KafkaVersion } from '../../bed/kafka-set.js';
import { clientOf, connectionTo } from './wire-kit.js';

/** One broker with every way in, and how to use each. */
export interface SecuredBed {
  readonly handle: KafkaClusterHandle;
  readonly ca: TlsSettings;
  /** SASL_SSL with all mechanisms. */
  readonly secured: (settings?: Partial<ClusterConnection>) => ClusterConnection;
  /** Mutual TLS. */
  readonly mutual: (settings?: Partial<ClusterConnection>) => ClusterConnection;
  /** SASL_PLAINTEXT with OAUTHBEARER. */
  readonly clear: (settings?: Partial<ClusterConnection>) => ClusterConnection;
  /** [::1], plaintext and TLS. */
  readonly six: (settings?: Partial<ClusterConnection>) => ClusterConnection;
  readonly sixTls: (settings?: Partial<ClusterConnection>) => ClusterConnection;
}

export async function startSecuredBed(
  version: KafkaVersion,
  config: Readonly<Record<string, string>>,
): Promise<SecuredBed> {
  const [mutual, clear, six, sixTls] = [await freePort(), await freePort(), await freePort(), await freePort()];
  const handle = await startKafkaCluster({
    name: `secured-${version}`,
    version,
    config,
    security: {
      protocol: 'SASL_SSL',
      further: [
        { name: 'MUTUAL', protocol: 'SSL', port: mutual, clientAuth: 'required' },
        { name: 'CLEAR', protocol: 'SASL_PLAINTEXT', port: clear, mechanisms: ['OAUTHBEARER'] },
        { name: 'SIX', protocol: 'PLAINTEXT', port: six, host: '::1' },
        { name: 'SIXTLS', protocol: 'SSL', port: sixTls, host: '::1' },
      ],
    },
  });
  const ca = { caFile: handle.security?.caFile ?? '' };
  const at =
    (address: string, base: Partial<ClusterConnection>) =>
    (settings: Partial<ClusterConnection> = {}) =>
      connectionTo(handle, { bootstrap: [address], ...base, ...settings });
  return {
    handle,
    ca,
    secured: at(handle.bootstrapServers, { tls: ca }),
    mutual: at(`127.0.0.1:${mutual}`, { tls: ca }),
    clear: at(`127.0.0.1:${clear}`, {}),
    six: at(`[::1]:${six}`, {}),
    sixTls: at(`[::1]:${sixTls}`, { tls: ca }),
  };
}

/** Through a connection to the broker by its id: at the address that it advertises on this listener. */
export async function clusterIdOf(cluster: ClusterConnection): Promise<string | null> {
  const client = clientOf(cluster);
  try {
    const { brokers, clusterId } = await client.metadata([]);
    await client.connection([...brokers.keys()][0] ?? -1, 'test');
    return clusterId;
  } finally {
    await client.close();
  }
}

/** Succeeds when the admin client gets in. */
export async function adminWorks(cluster: ClusterConnection): Promise<void> {
  const admin = openAdmin(cluster, silentLogger);
  try {
    await admin.topicConfigs(['missing']);
  } finally {
    await admin.close();
  }
}

/** Why `use` does not work. */
export async function faultOf(
  use: (cluster: ClusterConnection) => Promise<unknown>,
  cluster: ClusterConnection,
): Promise<CausewayError> {
  try {
    await use({ ...cluster, connectTimeoutMs: 10_000 });
  } catch (error) {
    if (isCausewayError(error)) return error;
    throw error;
  }
  throw new Error('it connected');
}

/** A token as Kafka's unsecured validator takes it: a JWS without signature (RFC 7515 appendix A.5). */
export function unsecuredToken(lifeS = 3_600, subject = 'causeway'): string {
  const nowS = Math.floor(Date.now() / 1_000);
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'none' })}.${part({ sub: subject, iat: nowS - 5, exp: nowS + lifeS })}.`;
}

/** An OAuth 2 issuer that hands out what it is told to. */
export class TokenIssuer {
  readonly secrets: string[] = [];
  next: () => string = () => unsecuredToken();
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      const basic = request.headers.authorization?.replace('Basic ', '') ?? '';
      this.secrets.push(Buffer.from(basic, 'base64').toString());
      request.resume();
      response.end(JSON.stringify({ access_token: this.next(), expires_in: 3_600, token_type: 'bearer' }));
    });
  }

  static async start(): Promise<TokenIssuer> {
    const issuer = new TokenIssuer();
    await new Promise<void>((resolve) => issuer.#server.listen(0, '127.0.0.1', resolve));
    return issuer;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as { port: number }).port}/token`;
  }

  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}
