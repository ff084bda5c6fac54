import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { BedError } from './bed-error.js';

export type SaslMechanism = 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512' | 'OAUTHBEARER';

/** How clients must connect. Brokers among themselves keep a plaintext listener. */
export interface BedSecurity {
  readonly protocol: 'SSL' | 'SASL_PLAINTEXT' | 'SASL_SSL';
  /** Offered SASL mechanisms; default: all of them. OAUTHBEARER takes Kafka's own unsecured tokens. */
  readonly mechanisms?: readonly SaslMechanism[];
  /** Default: one user `alice` with password `alice-secret`. */
  readonly users?: readonly BedUser[];
  /** `required`: mutual TLS. */
  readonly clientAuth?: 'none' | 'required';
  /** More ways in, with the same users and certificates; for clusters of one broker. */
  readonly further?: readonly FurtherListener[];
}

export interface FurtherListener {
  /** Upper-case letters. */
  readonly name: string;
  readonly protocol: 'PLAINTEXT' | BedSecurity['protocol'];
  readonly port: number;
  /** Default '127.0.0.1'. */
  readonly host?: '127.0.0.1' | '::1';
  readonly mechanisms?: readonly SaslMechanism[];
  readonly clientAuth?: 'none' | 'required';
}

export interface BedUser {
  readonly username: string;
  readonly password: string;
}

/** What a client needs to connect; the PEM files are there only with TLS. */
export interface ClientSecurity {
  readonly protocol: BedSecurity['protocol'];
  readonly mechanisms: readonly SaslMechanism[];
  readonly users: readonly BedUser[];
  readonly caFile?: string;
  readonly clientCertFile?: string;
  readonly clientKeyFile?: string;
  /** A second certificate and key of the same authority. */
  readonly nextCertFile?: string;
  readonly nextKeyFile?: string;
  /** Key and certificate of the client in one file, as Java clients want it. */
  readonly clientStoreFile?: string;
}

/** The client's view, the brokers' configuration and the `--add-scram` arguments of kafka-storage. */
export interface PreparedSecurity {
  readonly client: ClientSecurity;
  readonly brokerConfig: Readonly<Record<string, string>>;
  readonly further: readonly FurtherListener[];
  readonly formatArgs: readonly string[];
}

/** The name of the secured listener in the brokers' configuration. */
export const securedListener = 'SECURED';

const defaultUsers: readonly BedUser[] = [{ username: 'alice', password: 'alice-secret' }];
const allMechanisms: readonly SaslMechanism[] = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER'];

/** Makes certificates (in `folder`) and credentials for one cluster. */
export async function prepareSecurity(security: BedSecurity, folder: string): Promise<PreparedSecurity> {
  const users = security.users ?? defaultUsers;
  const { protocol, further = [] } = security;
  const listeners = [{ ...security, name: securedListener }, ...further];
  const certificates = listeners.some((one) => usesTls(one.protocol)) ? await makeCertificates(folder) : undefined;
  const brokerConfig: Record<string, string> = {};
  for (const listener of listeners) {
    const prefix = `listener.name.${listener.name.toLowerCase()}`;
    if (usesSasl(listener.protocol)) {
      Object.assign(brokerConfig, saslConfig(prefix, listener.mechanisms ?? allMechanisms, users));
    }
    if (certificates !== undefined && usesTls(listener.protocol)) {
      Object.assign(brokerConfig, tlsConfig(prefix, certificates, listener.clientAuth ?? 'none'));
    }
  }
  const mechanisms = listeners.flatMap((one) => (usesSasl(one.protocol) ? (one.mechanisms ?? allMechanisms) : []));
  const formatArgs = scramMechanisms([...new Set(mechanisms)]).flatMap((mechanism) =>
    users.flatMap((user) => ['--add-scram', `${mechanism}=[name=${user.username},password=${user.password}]`]),
  );
  const own = usesSasl(protocol) ? (security.mechanisms ?? allMechanisms) : [];
  return {
    client: { protocol, mechanisms: own, users, ...certificates?.client },
    brokerConfig,
    further,
    formatArgs,
  };
}

function usesSasl(protocol: FurtherListener['protocol']): boolean {
  return protocol.startsWith('SASL');
}

function usesTls(protocol: FurtherListener['protocol']): boolean {
  return protocol.endsWith('SSL');
}

function scramMechanisms(mechanisms: readonly SaslMechanism[]): readonly SaslMechanism[] {
  return mechanisms.filter((mechanism) => mechanism.startsWith('SCRAM'));
}

function saslConfig(
  prefix: string,
  mechanisms: readonly SaslMechanism[],
  users: readonly BedUser[],
): Record<string, string> {
  const config: Record<string, string> = { [`${prefix}.sasl.enabled.mechanisms`]: mechanisms.join(',') };
  for (const mechanism of mechanisms) {
    config[`${prefix}.${mechanism.toLowerCase()}.sasl.jaas.config`] = `${loginModule(mechanism, users)};`;
  }
  return config;
}

function loginModule(mechanism: SaslMechanism, users: readonly BedUser[]): string {
  const common = 'org.apache.kafka.common.security';
  switch (mechanism) {
    case 'PLAIN': {
      const logins = users.map((user) => `user_${user.username}="${user.password}"`).join(' ');
      return `${common}.plain.PlainLoginModule required ${logins}`;
    }
    case 'SCRAM-SHA-256':
    case 'SCRAM-SHA-512':
      return `${common}.scram.ScramLoginModule required`;
    case 'OAUTHBEARER':
      return `${common}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker"`;
  }
}

interface Certificates {
  readonly client: {
    readonly caFile: string;
    readonly clientCertFile: string;
    readonly clientKeyFile: string;
    readonly clientStoreFile: string;
    readonly nextCertFile: string;
    readonly nextKeyFile: string;
  };
  readonly serverStore: string;
}

function tlsConfig(
  prefix: string,
  certificates: Certificates,
  clientAuth: 'none' | 'required',
): Record<string, string> {
  return {
    [`${prefix}.ssl.keystore.type`]: 'PEM',
    [`${prefix}.ssl.keystore.location`]: certificates.serverStore,
    [`${prefix}.ssl.truststore.type`]: 'PEM',
    [`${prefix}.ssl.truststore.location`]: certificates.client.caFile,
    [`${prefix}.ssl.client.auth`]: clientAuth,
  };
}

/** A certificate authority, a server certificate for localhost, 127.0.0.1 and ::1, and two client certificates. */
async function makeCertificates(folder: string): Promise<Certificates> {
  mkdirSync(folder, { recursive: true });
  const caFile = join(folder, 'ca.pem');
  const caKey = join(folder, 'ca.key');
  await openssl(['req', '-x509', ...newKey(caKey), '-days', '30', '-subj', '/CN=Causeway test CA', '-out', caFile]);
  const sign = async (name: string, subject: string, extensions: string) => {
    const paths = { key: join(folder, `${name}.key`), cert: join(folder, `${name}.pem`) };
    const request = join(folder, `${name}.csr`);
    const extensionFile = join(folder, `${name}.ext`);
    writeFileSync(extensionFile, extensions);
    await openssl(['req', '-new', ...newKey(paths.key), '-subj', subject, '-out', request]);
    const authority = ['-CA', caFile, '-CAkey', caKey, '-CAcreateserial', '-days', '30'];
    await openssl(['x509', '-req', '-in', request, ...authority, '-extfile', extensionFile, '-out', paths.cert]);
    return paths;
  };
  const server = await sign('server', '/CN=localhost', 'subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1\n');
  const client = await sign('client', '/CN=causeway', 'extendedKeyUsage=clientAuth\n');
  const next = await sign('next', '/CN=causeway-next', 'extendedKeyUsage=clientAuth\n');
  const nextFiles = { nextCertFile: next.cert, nextKeyFile: next.key };
  const clientFiles = { caFile, clientCertFile: client.cert, clientKeyFile: client.key, ...nextFiles };
  return { client: { ...clientFiles, clientStoreFile: storeOf(client) }, serverStore: storeOf(server) };
}

function storeOf(pair: { readonly key: string; readonly cert: string }): string {
  const path = pair.cert.replace(/\.pem$/, '-store.pem');
  writeFileSync(path, readFileSync(pair.key, 'utf8') + readFileSync(pair.cert, 'utf8'));
  return path;
}

function newKey(path: string): string[] {
  return ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', path];
}

async function openssl(args: readonly string[]): Promise<void> {
  try {
    await promisify(execFile)('openssl', args, { timeout: 30_000 });
  } catch (error) {
    throw new BedError(`openssl ${args[0]} failed; secured listeners need openssl: ${String(error)}`, undefined, {
      cause: error,
    });
  }
}
