import type { ClusterConnection } from '../model/cluster.js';
import type { Route } from '../model/route.js';
import type { ConfigFile, RouteSettings } from './schema.js';

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
export type WorkerSettings = Omit<ConfigFile['worker'], 'id' | 'http'> & {
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
  readonly controller: ControllerSettings;
  readonly worker: WorkerSettings;
  readonly logLevel: ConfigFile['logging']['level'];
}

/** A route from its settings, as the file and PUT /api/v1/routes/{name} give them. */
export function routeFromSettings(name: string, settings: RouteSettings): Route {
  const { create, replicationFactor } = settings.targetTopics;
  const { source, target, naming, delivery, start, isolation } = settings;
  return {
    name, source, target, naming, delivery, start, isolation,
    targetTopics: replicationFactor === undefined ? { create } : { create, replicationFactor },
  };
}
