import { isIP, isIPv4 } from 'node:net';
import type { HttpSettings } from '../config/compile.js';
import { CausewayError } from '../errors/error.js';

/** True for addresses that only this machine can reach. Names other than localhost count as reachable: who knows where they lead. */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, '').toLowerCase();
  if (bare === 'localhost' || bare === '::1') return true;
  const four = bare.startsWith('::ffff:') ? bare.slice('::ffff:'.length) : bare;
  return isIPv4(four) && four.startsWith('127.');
}

/**
 * Without a token nobody but this machine may reach the server (design.md section 6).
 * @throws CONFIG_INVALID
 */
export function checkBinding(settings: Pick<HttpSettings, 'host' | 'token'>): void {
  if (settings.token !== undefined || isLoopback(settings.host)) return;
  throw new CausewayError('CONFIG_INVALID', `the HTTP server would listen on ${settings.host} without a token`, {
    place: { address: settings.host },
    fix: 'Set http.token or http.tokenFile (16 characters or more), or bind 127.0.0.1.',
  });
}

/** `host:port`, an IPv6 address in brackets. */
export function formatHostPort(host: string, port: number): string {
  const bare = host.replace(/^\[|\]$/g, '');
  return `${isIP(bare) === 6 ? `[${bare}]` : bare}:${port}`;
}

/** The host part of a `Host` header or of `host:port`, in lower case and without brackets. */
export function hostOf(hostPort: string): string {
  const match = /^(?:\[([^\]]*)\]|([^:]*))(?::\d+)?$/.exec(hostPort.trim());
  return (match?.[1] ?? match?.[2] ?? '').toLowerCase();
}
