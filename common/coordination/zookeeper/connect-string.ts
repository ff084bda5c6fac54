import { CausewayError } from '../../errors/error.js';

export interface ZkServer {
  readonly host: string;
  readonly port: number;
}

export interface ConnectTarget {
  readonly servers: readonly ZkServer[];
  /** Path behind the servers (`host:2181/kafka`), '' without one; goes before the root. */
  readonly chroot: string;
}

const DEFAULT_PORT = 2181;
const MAX_PORT = 65_535;

/**
 * `host[:port],[v6 address]:port,...[/chroot]`. Written anew because the library splits addresses at every colon and takes
 * `::1` for a host without a name (fault Z12).
 */
export function parseConnectString(connect: string): ConnectTarget {
  const slash = connect.indexOf('/');
  const hosts = slash < 0 ? connect : connect.slice(0, slash);
  const chroot = slash < 0 ? '' : connect.slice(slash).replace(/\/+$/, '');
  if (chroot !== '' && !/^(?:\/[^/\s]+)+$/.test(chroot)) throw fault(connect, `illegal path ${chroot}`);
  const servers = hosts
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => parseServer(connect, part));
  if (servers.length === 0) throw fault(connect, 'it names no server');
  return { servers, chroot };
}

function parseServer(connect: string, part: string): ZkServer {
  const match = /^(?:\[([0-9A-Fa-f:.%\w]+)\]|([^:[\]\s]+))(?::(\d{1,5}))?$/.exec(part);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined) throw fault(connect, `cannot read ${part}`);
  const port = match?.[3] === undefined ? DEFAULT_PORT : Number(match[3]);
  if (port < 1 || port > MAX_PORT) throw fault(connect, `port ${port} does not exist`);
  return { host, port };
}

const fault = (connect: string, why: string): CausewayError =>
  new CausewayError('CONFIG_INVALID', `ZooKeeper address "${connect}": ${why}`, {
    fix: 'Write host:port, several separated by commas; IPv6 addresses in brackets: [::1]:2181.',
  });
