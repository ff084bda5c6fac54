import { connect as connectTcp, type OnReadOpts, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions as TlsOptions } from 'node:tls';
import { CausewayError, messageOf } from '../../errors/error.js';
import type { ClusterConnection, TlsSettings } from '../../model/cluster.js';
import type { Clock } from '../../runtime/clock.js';
import { type BrokerAddress, formatAddress } from './address.js';
import { isCertificateFault, readTlsOptions, tlsServerName } from './tls-options.js';

/** TCP keepalive finds a peer that vanished without a word while nothing is in flight. */
const KEEPALIVE_MS = 30_000;

export interface TransportOptions {
  readonly address: BrokerAddress;
  readonly cluster: ClusterConnection;
  readonly clock: Clock;
  /** Where the next bytes are to be read to. */
  readonly space: () => Buffer;
  /** That many bytes were read, into the space that was given last. */
  readonly onBytes: (length: number) => void;
  /** Called once, when a socket that had connected is gone; the fault where there was one. */
  readonly onClosed: (fault: CausewayError | undefined) => void;
}

/**
 * Connects over TCP or TLS within the cluster's connectTimeoutMs.
 * @throws CLUSTER_UNREACHABLE, or KAFKA_AUTH_FAILED when certificates are the reason.
 */
export async function openTransport(options: TransportOptions): Promise<Socket> {
  const { tls } = options.cluster;
  const address = formatAddress(options.address);
  const place = { cluster: options.cluster.name, address };
  const socket = tls === undefined ? plainSocket(options) : tlsSocket(options, tls, await readTlsOptions(tls, place));
  return new Promise<Socket>((resolve, reject) => {
    let fault: CausewayError | undefined;
    let connected = false;
    const timer = options.clock.after(options.cluster.connectTimeoutMs, () => {
      fault = unreachable(options.cluster.name, address, `no connection within ${options.cluster.connectTimeoutMs} ms`);
      socket.destroy();
    });
    socket.once(tls === undefined ? 'connect' : 'secureConnect', () => {
      timer.cancel();
      connected = true;
      socket.setNoDelay(true);
      socket.setKeepAlive(true, KEEPALIVE_MS);
      resolve(socket);
    });
    socket.on('error', (error) => {
      fault ??= socketFault(error, options.cluster, address);
    });
    socket.once('close', () => {
      timer.cancel();
      if (connected) options.onClosed(fault);
      else reject(fault ?? unreachable(options.cluster.name, address, 'the connection was closed while it opened'));
    });
  });
}

function plainSocket(options: TransportOptions): Socket {
  const { host, port } = options.address;
  return connectTcp({ host, port, onread: readInto(options) });
}

/** Node asks for the space anew after each read: it is read once, to where it stays, and no buffer is made for it. */
function readInto(options: TransportOptions): OnReadOpts {
  return {
    buffer: options.space,
    callback: (length: number) => {
      options.onBytes(length);
      return true;
    },
  };
}

function tlsSocket(options: TransportOptions, tls: TlsSettings, tlsOptions: TlsOptions): Socket {
  const { host, port } = options.address;
  // Documented for tls.connect; missing in its types.
  const onread: { readonly onread: OnReadOpts } = { onread: readInto(options) };
  let socket: Socket;
  try {
    socket = connectTls({ host, port, ...tlsOptions, ...tlsServerName(tls, host), ...onread });
  } catch (error) {
    // Keys and certificates that cannot be parsed.
    throw socketFault(error as Error, options.cluster, formatAddress(options.address));
  }
  return socket;
}

function socketFault(error: NodeJS.ErrnoException, cluster: ClusterConnection, address: string): CausewayError {
  const code = error.code ?? '';
  if (cluster.tls !== undefined && code === 'ERR_SSL_WRONG_VERSION_NUMBER') {
    return unreachable(
      cluster.name,
      address,
      'the port does not answer in TLS, and tls is configured for the cluster',
      error,
    );
  }
  if (cluster.tls !== undefined && isCertificateFault(code)) {
    return new CausewayError('KAFKA_AUTH_FAILED', `TLS failed: ${error.message}`, {
      place: { cluster: cluster.name, address },
      fix: 'Check the CA, the certificate and the server name in the cluster’s tls section.',
      cause: error,
    });
  }
  return unreachable(cluster.name, address, messageOf(error) || code, error);
}

function unreachable(cluster: string, address: string, reason: string, cause?: unknown): CausewayError {
  return new CausewayError('CLUSTER_UNREACHABLE', `cannot connect to the broker: ${reason}`, {
    place: { cluster, address },
    fix: 'Check the address, the broker and what lies between.',
    ...(cause === undefined ? {} : { cause }),
  });
}
