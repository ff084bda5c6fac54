import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { CausewayError, type ErrorPlace, messageOf } from '../../errors/error.js';
import type { TlsSettings } from '../../model/cluster.js';

/**
 * The settings as node:tls wants them, with the files as they are now: read at each connect, so that rotation needs no restart.
 * @throws KAFKA_AUTH_FAILED naming the file that cannot be read.
 */
export async function readTlsOptions(tls: TlsSettings, place: ErrorPlace): Promise<ConnectionOptions> {
  const read = async (path: string): Promise<Buffer> => {
    try {
      return await readFile(path);
    } catch (error) {
      throw new CausewayError('KAFKA_AUTH_FAILED', `the TLS file cannot be read: ${messageOf(error)}`, {
        place: { ...place, path },
        fix: 'Check the path and the rights of the file in the cluster’s tls section.',
      });
    }
  };
  return {
    ...(tls.caFile === undefined ? {} : { ca: await read(tls.caFile) }),
    ...(tls.certFile === undefined ? {} : { cert: await read(tls.certFile) }),
    ...(tls.keyFile === undefined ? {} : { key: await read(tls.keyFile) }),
    ...(tls.passphrase === undefined ? {} : { passphrase: tls.passphrase }),
    rejectUnauthorized: tls.insecure !== true,
    minVersion: 'TLSv1.2',
  };
}

/** SNI, and the name to verify. It must not be an IP address (RFC 6066); then the certificate is verified against the IP itself. */
export function tlsServerName(tls: TlsSettings, host: string): { readonly servername?: string } {
  if (tls.serverName !== undefined) return { servername: tls.serverName };
  return isIP(host) === 0 ? { servername: host } : {};
}

/** Node's and OpenSSL's codes for refused certificates, ours or the broker's. */
const CERTIFICATE_FAULT = /CERT|SELF_SIGNED|UNABLE_TO|ALERT|HOSTNAME_MISMATCH|OSSL|BAD_DECRYPT|PEM|X509/;

/** True where a TLS connection failed because of certificates or keys. */
export function isCertificateFault(code: string): boolean {
  return CERTIFICATE_FAULT.test(code);
}
