import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { BedError } from './bed-error.js';

export type SaslMechanism = 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512';

/** How clients must connect. Brokers among themselves keep a plaintext listener. */
export interface BedSecurity {
  readonly protocol: 'SSL' | 'SASL_PLAINTEXT' | 'SASL_SSL';
  /** Offered SASL mechanisms; default: all three. */
  readonly mechanisms?: readonly SaslMechanism[];
  /** Default: one user `alice` with password `alice-secret`. */
  readonly users?: readonly BedUser[];
  /** `required`: mutual TLS. */
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
  /** Key and certificate of the client in one file, as Java clients want it. */
  readonly clientStoreFile?: string;
}

/** The client's view, the brokers' configuration and the `--add-scram` arguments of kafka-storage. */
export interface PreparedSecurity {
  readonly client: ClientSecurity;
  readonly brokerConfig: Readonly<Record<string, string>>;
  readonly formatArgs: readonly string[];
}

/** The name of the secured listener in the brokers' configuration. */
export const securedListener = 'SECURED';
const listenerPrefix = `listener.name.${securedListener.toLowerCase()}`;

const defaultUsers: readonly BedUser[] = [{ username: 'alice', password: 'alice-secret' }];
const allMechanisms: readonly SaslMechanism[] = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'];

/** Makes certificates (in `folder`) and credentials for one cluster. */
export async function prepareSecurity(security: BedSecurity, folder: string): Promise<PreparedSecurity> {
  const users = security.users ?? defaultUsers;
  const usesSasl = security.protocol !== 'SSL';
  const usesTls = security.protocol !== 'SASL_PLAINTEXT';
  const mechanisms = usesSasl ? (security.mechanisms ?? allMechanisms) : [];
  const client = { protocol: security.protocol, mechanisms, users };
  const sasl = usesSasl ? saslConfig(mechanisms, users) : {};
  const formatArgs = scramMechanisms(mechanisms).flatMap((mechanism) =>
    users.flatMap((user) => ['--add-scram', `${mechanism}=[name=${user.username},password=${user.password}]`]),
  );
  if (!usesTls) return { client, brokerConfig: sasl, formatArgs };
  const certificates = await makeCertificates(folder);
  return {
    client: { ...client, ...certificates.client },
    brokerConfig: { ...sasl, ...tlsConfig(certificates, security.clientAuth ?? 'none') },
    formatArgs,
  };
}

function scramMechanisms(mechanisms: readonly SaslMechanism[]): readonly SaslMechanism[] {
  return mechanisms.filter((mechanism) => mechanism !== 'PLAIN');
}

function saslConfig(mechanisms: readonly SaslMechanism[], users: readonly BedUser[]): Record<string, string> {
  const config: Record<string, string> = { [`${listenerPrefix}.sasl.enabled.mechanisms`]: mechanisms.join(',') };
  for (const mechanism of scramMechanisms(mechanisms)) {
    config[`${listenerPrefix}.${mechanism.toLowerCase()}.sasl.jaas.config`] =
      'org.apache.kafka.common.security.scram.ScramLoginModule required;';
  }
  if (mechanisms.includes('PLAIN')) {
    const logins = users.map((user) => `user_${user.username}="${user.password}"`).join(' ');
    config[`${listenerPrefix}.plain.sasl.jaas.config`] =
      `org.apache.kafka.common.security.plain.PlainLoginModule required ${logins};`;
  }
  return config;
}

interface Certificates {
  readonly client: {
    readonly caFile: string;
    readonly clientCertFile: string;
    readonly clientKeyFile: string;
    readonly clientStoreFile: string;
  };
  readonly serverStore: string;
}

function tlsConfig(certificates: Certificates, clientAuth: 'none' | 'required'): Record<string, string> {
  return {
    [`${listenerPrefix}.ssl.keystore.type`]: 'PEM',
    [`${listenerPrefix}.ssl.keystore.location`]: certificates.serverStore,
    [`${listenerPrefix}.ssl.truststore.type`]: 'PEM',
    [`${listenerPrefix}.ssl.truststore.location`]: certificates.client.caFile,
    [`${listenerPrefix}.ssl.client.auth`]: clientAuth,
  };
}

/** A certificate authority, a server certificate for localhost and 127.0.0.1, and a client certificate (CN=causeway). */
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
  const server = await sign('server', '/CN=localhost', 'subjectAltName=DNS:localhost,IP:127.0.0.1\n');
  const client = await sign('client', '/CN=causeway', 'extendedKeyUsage=clientAuth\n');
  const clientFiles = { caFile, clientCertFile: client.cert, clientKeyFile: client.key };
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
