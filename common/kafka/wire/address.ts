import { CausewayError } from '../../errors/error.js';

/** Where a broker listens. The host of an IPv6 address has no brackets. */
export interface BrokerAddress {
  readonly host: string;
  readonly port: number;
}

const BRACKETED = /^\[([0-9A-Fa-f:.%\w]+)\]:(\d{1,5})$/;
const PLAIN = /^([^:[\]\s]+):(\d{1,5})$/;

/** From `host:port` or `[ipv6]:port`. */
export function parseAddress(text: string): BrokerAddress {
  const match = BRACKETED.exec(text) ?? PLAIN.exec(text);
  const port = Number(match?.[2]);
  if (match === null || port < 1 || port > 65_535) {
    throw new CausewayError('CONFIG_INVALID', `"${text}" is not host:port or [ipv6]:port`, {
      fix: 'Correct the cluster’s bootstrap list in the configuration.',
    });
  }
  return { host: match[1] as string, port };
}

/** `host:port`, IPv6 in brackets. */
export function formatAddress({ host, port }: BrokerAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
