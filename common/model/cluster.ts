/** TLS towards a cluster; paths are files on this machine, read at each connect so that rotation needs no restart. */
export interface TlsSettings {
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
  readonly passphrase?: string;
  readonly passphraseFile?: string;
  /** Name to verify instead of the host, also sent as SNI. */
  readonly serverName?: string;
  /** True switches verification off; warned about at every start. */
  readonly insecure?: boolean;
}

export type SaslMechanism = SaslSettings['mechanism'];

/** PLAIN and SCRAM: a user with a password, or with a file that holds it and is read anew at each login. */
export interface PasswordLogin {
  readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
  readonly username: string;
  readonly password?: string;
  readonly passwordFile?: string;
}

/** OAUTHBEARER (KIP-255): a token from a file that somebody else renews (read anew at each login), or from the issuer itself. */
export interface TokenLogin {
  readonly mechanism: 'oauthbearer';
  readonly tokenFile?: string;
  readonly tokenEndpoint?: TokenEndpoint;
}

/** Where tokens are issued for the client's own credentials (OAuth 2 client credentials, RFC 6749 4.4). */
export interface TokenEndpoint {
  /** https; http only to this very machine. */
  readonly url: string;
  readonly clientId: string;
  readonly clientSecret?: string;
  readonly clientSecretFile?: string;
  readonly scope?: string;
  /** PEM file of the authorities to trust for the endpoint. */
  readonly caFile?: string;
}

export type SaslSettings = PasswordLogin | TokenLogin;

/** The schema registry beside a cluster (Confluent's REST API); comes from the operators' configuration only. */
export interface SchemaRegistryConnection {
  readonly url: string;
  readonly username?: string;
  readonly password?: string;
  readonly passwordFile?: string;
  /** Instead of a user: a bearer token. */
  readonly token?: string;
  readonly tokenFile?: string;
  /** PEM file of the authorities to trust. */
  readonly caFile?: string;
  readonly requestTimeoutMs: number;
}

/** How to reach one Kafka cluster; comes from the operators' configuration only, never over REST. */
export interface ClusterConnection {
  /** The operators' name for it; also MM2's alias. */
  readonly name: string;
  /** `host:port` or `[ipv6]:port`. */
  readonly bootstrap: readonly string[];
  readonly tls?: TlsSettings;
  readonly sasl?: SaslSettings;
  /** Where we are, as the brokers' `broker.rack` would say it (KIP-392). */
  readonly rack?: string;
  /** Where it is, in the words of the workers' `zone`: routes to it are best copied there. */
  readonly zone?: string;
  readonly connectTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly schemaRegistry?: SchemaRegistryConnection;
}

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/** Why tokens cannot be fetched there; undefined where they can. The request carries a secret, and the answer is one. */
export function tokenUrlFault(url: string): string | undefined {
  if (!URL.canParse(url)) return 'write it as https://host/path';
  const { protocol, hostname, username, password } = new URL(url);
  if (username !== '' || password !== '') return 'give the credentials in clientId and clientSecret, not in the URL';
  if (protocol === 'https:' || (protocol === 'http:' && LOOPBACK.test(hostname))) return undefined;
  return 'the secret would go over the network in clear: use https (http only to this very machine)';
}

/** Why a schema registry cannot be asked there; undefined where it can. */
export function registryUrlFault(url: string): string | undefined {
  if (!URL.canParse(url)) return 'write it as https://host:port';
  const { protocol, username, password, search, hash } = new URL(url);
  if (protocol !== 'https:' && protocol !== 'http:') return 'write it as https://host:port';
  if (username !== '' || password !== '') return 'give the credentials in username and password, not in the URL';
  return search === '' && hash === '' ? undefined : 'give the address alone, without ? and #';
}
