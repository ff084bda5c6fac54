import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { CausewayError, type ErrorPlace, messageOf } from '../../errors/error.js';
import type { TlsSettings } from '../../model/cluster.js';

/** Which option of node:tls each file is for. */
const FILES = { ca: 'caFile', cert: 'certFile', key: 'keyFile', passphrase: 'passphraseFile' } as const;
type FileOption = keyof typeof FILES;

/**
 * The settings as node:tls wants them, with the files as they are now: read at each connect, so that rotation needs no restart.
 * @throws KAFKA_AUTH_FAILED naming the file that cannot be read.
 */
export async function readTlsOptions(tls: TlsSettings, place: ErrorPlace): Promise<ConnectionOptions> {
  const read = async ([option, path]: [FileOption, string]): Promise<[FileOption, Buffer]> => {
    try {
      return [option, await readFile(path)];
    } catch (error) {
      throw unreadable(error, path, place);
    }
  };
  return tlsOptions(tls, await Promise.all(filesOf(tls).map(read)));
}

/** The same for who cannot wait. */
export function readTlsOptionsSync(tls: TlsSettings, place: ErrorPlace): ConnectionOptions {
  const read = ([option, path]: [FileOption, string]): [FileOption, Buffer] => {
    try {
      return [option, readFileSync(path)];
    } catch (error) {
      throw unreadable(error, path, place);
    }
  };
  return tlsOptions(tls, filesOf(tls).map(read));
}

function filesOf(tls: TlsSettings): [FileOption, string][] {
  return (Object.keys(FILES) as FileOption[]).flatMap((option) => {
    const path = tls[FILES[option]];
    return path === undefined ? [] : [[option, path] satisfies [FileOption, string]];
  });
}

function tlsOptions(tls: TlsSettings, files: readonly [FileOption, Buffer][]): ConnectionOptions {
  const read = new Map(files);
  const passphrase =
    read
      .get('passphrase')
      ?.toString('utf8')
      .replace(/\r?\n$/, '') ?? tls.passphrase;
  return {
    ...Object.fromEntries(files.filter(([option]) => option !== 'passphrase')),
    ...(passphrase === undefined ? {} : { passphrase }),
    rejectUnauthorized: tls.insecure !== true,
    minVersion: 'TLSv1.2',
  };
}

function unreadable(error: unknown, path: string, place: ErrorPlace): CausewayError {
  return new CausewayError('KAFKA_AUTH_FAILED', `the TLS file cannot be read: ${messageOf(error)}`, {
    place: { ...place, path },
    fix: 'Check the path and the rights of the file in the cluster’s tls section.',
  });
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
