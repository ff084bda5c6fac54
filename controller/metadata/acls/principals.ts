import type { ClusterConnection } from '../../../common/model/cluster.js';
import type { Route } from '../../../common/model/route.js';
import { PrincipalNames } from '../../../common/patterns/principal-names.js';

const USER = 'User:';

/** Principals and users of a route: from the source's names to the target's. */
export interface RoutePrincipals {
  /** Undefined: left alone. */
  readonly principal: (source: string) => string | undefined;
  /** The same for names of users, which are principals without `User:`. */
  readonly user: (source: string) => string | undefined;
  /** Our own at the target, as far as the configuration tells. */
  readonly own: string | undefined;
}

export function routePrincipals({ acls }: Pick<Route, 'acls'>, target: ClusterConnection | undefined): RoutePrincipals {
  const names = new PrincipalNames(acls?.principals ?? { map: [], exclude: [] });
  const sasl = target?.sasl;
  const own = sasl !== undefined && sasl.mechanism !== 'oauthbearer' ? `${USER}${sasl.username}` : undefined;
  return {
    principal: (source) => names.at(source),
    user: (source) => {
      const name = names.at(`${USER}${source}`);
      return name?.startsWith(USER) ? name.slice(USER.length) : undefined;
    },
    own,
  };
}
