import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { invariant } from '../errors/assert.js';
import { CausewayError } from '../errors/error.js';
import type { ClusterConnection, SaslSettings, TlsSettings } from '../model/cluster.js';
import type { RecoveryHook } from '../model/recovery-hook.js';
import type { RateLimits, Route } from '../model/route.js';
import { formatPath } from './faults.js';
import { recoveryHooks } from './recovery-schema.js';
import { rateLimitsFrom, routeFromSettings } from './route.js';
import { crossFieldFaults } from './rules.js';
import type { ConfigFile } from './schema.js';

/** How a process serves HTTP; without a token only loopback addresses are possible (checked before this exists). */
export interface HttpSettings {
  readonly host: string;
  readonly port: number;
  /** `host:port` others are told; undefined: host and the real port. */
  readonly advertised: string | undefined;
  readonly token: string | undefined;
}

export type CoordinationSettings =
  | {
      readonly type: 'zookeeper';
      readonly connect: string;
      /** `<root>/<fleet>`: everything of the fleet is below it. */
      readonly root: string;
      readonly sessionTimeoutMs: number;
      readonly digest: string | undefined;
    }
  | { readonly type: 'embedded'; readonly dir: string };

export type ControllerSettings = Omit<ConfigFile['controller'], 'id' | 'http'> & {
  readonly id: string;
  readonly http: HttpSettings;
};
export type WorkerSettings = Omit<ConfigFile['worker'], 'id' | 'http' | 'limits'> & {
  readonly limits: RateLimits;
  readonly id: string;
  readonly http: HttpSettings;
};

/** The whole configuration, complete and frozen: no optional is left to guess, secrets are resolved. */
export interface Config {
  readonly fleet: string;
  readonly coordination: CoordinationSettings;
  readonly clusters: ReadonlyMap<string, ClusterConnection>;
  /** Routes to create when missing. */
  readonly routes: readonly Route[];
  /** Values by name. */
  readonly ruleSecrets: ReadonlyMap<string, string>;
  /** Absent: none. */
  readonly recoveryHooks?: readonly RecoveryHook[];
  readonly controller: ControllerSettings;
  readonly worker: WorkerSettings;
  readonly logLevel: ConfigFile['logging']['level'];
}

/** What the machine adds to the file. */
export interface CompileContext {
  readonly hostname: string;
  /** Relative names start here: the configuration file's folder. */
  readonly baseDir: string;
}

/**
 * Checks the sections against each other and completes them. Secrets named by `...File` keys must have been read (`load.ts` does).
 * @throws CONFIG_INVALID listing every fault
 */
export function compileConfig(
  file: ConfigFile,
  context: CompileContext = { hostname: hostname(), baseDir: process.cwd() },
): Config {
  const faults = crossFieldFaults(file);
  if (faults.length > 0) {
    const lines = faults.map(({ path, message }) => `${formatPath(path)}: ${message}`);
    throw new CausewayError('CONFIG_INVALID', `the configuration is not usable: ${lines.join('; ')}`);
  }
  const defaultId = identifierFromHostname(context.hostname);
  const { controller, worker } = file;
  const clusters = Object.entries(file.clusters).map(
    ([name, cluster]) => [name, clusterConnection(name, cluster)] as const,
  );
  return deepFreeze({
    fleet: file.fleet,
    coordination: coordinationSettings(file, context),
    clusters: new Map(clusters),
    routes: Object.entries(file.routes).map(([name, settings]) => routeFromSettings(name, settings)),
    ruleSecrets: ruleSecrets(file),
    recoveryHooks: recoveryHooks(file.recovery),
    controller: { ...controller, id: controller.id ?? defaultId, http: httpSettings(controller.http) },
    worker: {
      ...worker,
      limits: rateLimitsFrom(worker.limits),
      id: worker.id ?? defaultId,
      http: httpSettings(worker.http),
    },
    logLevel: file.logging.level,
  });
}

/** The host's name as an identifier: dots and whatever else is illegal become dashes. */
export function identifierFromHostname(name: string): string {
  const legal = name
    .replace(/[^A-Za-z0-9_-]/g, '-')
    .replace(/^[-_]+/, '')
    .slice(0, 63)
    .replace(/[-_]+$/, '');
  return legal === '' ? 'node' : legal;
}

function ruleSecrets(file: ConfigFile): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(file.ruleSecrets).map(([name, { secret }]) => {
      invariant(secret !== undefined, `ruleSecrets.${name}.secretFile has not been read`);
      return [name, secret];
    }),
  );
}

function coordinationSettings({ coordination, fleet }: ConfigFile, context: CompileContext): CoordinationSettings {
  if (coordination.type === 'embedded') {
    return { type: 'embedded', dir: resolve(context.baseDir, coordination.embedded.dir) };
  }
  const { connect, root, sessionTimeoutMs, digest, digestFile } = coordination.zookeeper;
  invariant(digest !== undefined || digestFile === undefined, 'coordination.zookeeper.digestFile has not been read');
  return {
    type: 'zookeeper',
    connect: connect.trim(),
    root: `${root}/${fleet}`,
    sessionTimeoutMs,
    digest,
  };
}

function clusterConnection(name: string, cluster: ConfigFile['clusters'][string]): ClusterConnection {
  const { bootstrap, tls, sasl, rack, zone, connectTimeoutMs, requestTimeoutMs, schemaRegistry } = cluster;
  return {
    name,
    bootstrap,
    connectTimeoutMs,
    requestTimeoutMs,
    ...(tls === undefined ? {} : { tls: tlsSettings(tls) }),
    ...(rack === undefined ? {} : { rack }),
    ...(zone === undefined ? {} : { zone }),
    ...(sasl === undefined ? {} : { sasl: saslSettings(sasl) }),
    ...(schemaRegistry === undefined ? {} : { schemaRegistry: given(schemaRegistry) }),
  };
}

type ClusterSection = ConfigFile['clusters'][string];

function saslSettings(sasl: NonNullable<ClusterSection['sasl']>): SaslSettings {
  if (sasl.mechanism !== 'oauthbearer') return given(sasl);
  const { mechanism, tokenFile, tokenEndpoint } = sasl;
  if (tokenEndpoint === undefined) return given({ mechanism, tokenFile });
  return { mechanism, tokenEndpoint: given(tokenEndpoint) };
}

function tlsSettings(tls: NonNullable<ClusterSection['tls']>): TlsSettings {
  return given(tls);
}

type Given<T> = { readonly [K in keyof T]: Exclude<T[K], undefined> };

/** Without the keys that nobody gave. */
function given<T extends object>(section: T): Given<T> {
  return Object.fromEntries(Object.entries(section).filter(([, value]) => value !== undefined)) as Given<T>;
}

function httpSettings(http: ConfigFile['controller']['http']): HttpSettings {
  invariant(http.token !== undefined || http.tokenFile === undefined, 'http.tokenFile has not been read');
  return { host: http.host, port: http.port, advertised: http.advertised, token: http.token };
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const child of value instanceof Map ? value.values() : Object.values(value)) deepFreeze(child);
  return Object.freeze(value);
}
