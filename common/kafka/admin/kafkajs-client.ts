import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import kafkajs, { type Kafka, type LogEntry, type Mechanism } from 'kafkajs';
import type { ClusterConnection, SaslSettings } from '../../model/cluster.js';
import type { Logger } from '../../observability/logger.js';
import type { Clock } from '../../runtime/clock.js';
import { type BrokerAddress, parseAddress } from '../wire/address.js';
import { readCredentials } from '../wire/credentials.js';
import { authenticate } from '../wire/sasl.js';
import { readTlsOptions, readTlsOptionsSync, tlsServerName } from '../wire/tls-options.js';

const CLIENT_ID = 'causeway-admin';

/** kafkajs tries again by itself this often; the callers' loops do the rest. */
const RETRY = { retries: 3, initialRetryTime: 100, maxRetryTime: 2_000 } as const;

/** It looks before every request whether the session ends within this; brokers refuse to repeat a login within a second. */
const REAUTHENTICATION_THRESHOLD_MS = 500;

const KEEPALIVE_MS = 30_000;

/** A kafkajs client with the cluster's addresses, TLS and SASL (files as they are at each connect) and limits. */
export async function createKafkaJs(cluster: ClusterConnection, logger: Logger, clock: Clock): Promise<Kafka> {
  const { tls, sasl } = cluster;
  const aliases = new Map<string, string>();
  const brokers = cluster.bootstrap.map((text, index) => aliasOf(parseAddress(text), index, aliases));
  // What is wrong with the files now is said now; whoever connects later reads them again.
  if (tls !== undefined) await readTlsOptions(tls, { cluster: cluster.name });
  const openSocket = (address: BrokerAddress, onConnect: () => void): Socket => {
    const host = aliases.get(address.host) ?? address.host;
    const options = { host, port: address.port };
    if (tls === undefined) return connectTcp(options, onConnect);
    return connectTls(
      { ...options, ...readTlsOptionsSync(tls, { cluster: cluster.name }), ...tlsServerName(tls, host) },
      onConnect,
    );
  };
  return new kafkajs.Kafka({
    clientId: CLIENT_ID,
    brokers,
    connectionTimeout: cluster.connectTimeoutMs,
    authenticationTimeout: cluster.requestTimeoutMs,
    reauthenticationThreshold: REAUTHENTICATION_THRESHOLD_MS,
    requestTimeout: cluster.requestTimeoutMs,
    enforceRequestTimeout: true,
    retry: RETRY,
    socketFactory: ({ host, port, onConnect }) => {
      const socket = openSocket({ host, port }, onConnect);
      socket.setKeepAlive(true, KEEPALIVE_MS);
      return socket;
    },
    // The socket factory does TLS; kafkajs only has to know which event tells that the connection is ready.
    ssl: tls !== undefined,
    ...(sasl === undefined ? {} : { sasl: saslOptions(sasl, cluster, clock) }),
    logLevel: kafkajs.logLevel.WARN,
    logCreator: () => (entry) => writeLog(entry, cluster.name, logger),
  });
}

/** kafkajs cuts bootstrap addresses at the first colon: an IPv6 host goes by another name until the socket is opened. */
function aliasOf({ host, port }: BrokerAddress, index: number, aliases: Map<string, string>): string {
  if (!host.includes(':')) return `${host}:${port}`;
  const alias = `ipv6-${index}.invalid`;
  aliases.set(alias, host);
  return `${alias}:${port}`;
}

/**
 * Our own logins in kafkajs' place: files are read and tokens fetched anew each time. kafkajs' messages carry their length in front,
 * as the protocol had it before SaslAuthenticate.
 */
function saslOptions(sasl: SaslSettings, cluster: ClusterConnection, clock: Clock): Mechanism {
  const context = { cluster: cluster.name, timeoutMs: cluster.connectTimeoutMs, clock };
  return {
    mechanism: sasl.mechanism,
    authenticationProvider: ({ saslAuthenticate }) => ({
      authenticate: async () => {
        await authenticate(await readCredentials(sasl, context), async (message) => {
          const length = Buffer.alloc(4);
          length.writeInt32BE(message.length);
          const answer = await saslAuthenticate({
            request: { encode: () => Buffer.concat([length, message]) },
            response: { decode: (raw) => raw.subarray(4), parse: (data) => data },
          });
          return answer ?? Buffer.alloc(0);
        });
      },
    }),
  };
}

/** Everything kafkajs says is a detail of a call whose failure we report ourselves; only fields that hold no payload pass. */
function writeLog(entry: LogEntry, cluster: string, logger: Logger): void {
  const { message, broker, error } = entry.log;
  logger.debug('admin.kafkajs', { cluster, level: entry.label, message, broker, error });
}
