import type { CoordinationStore } from '../../common/coordination/ports.js';
import { topicsPath } from '../../common/coordination/znodes.js';
import { CausewayError } from '../../common/errors/error.js';
import { asideTopics } from '../../common/model/record-rules.js';
import type { Route } from '../../common/model/route.js';
import { mapLimited } from '../../common/runtime/map-limited.js';
import { type RouteClash, routeClashes } from '../core/route-clashes.js';
import type { RuleBook } from '../loop/rule-book.js';
import type { ClusterIdentities } from '../metadata/cluster-identities.js';

const READ_CONCURRENCY = 32;

export interface RouteClashCheckDeps {
  readonly store: Pick<CoordinationStore, 'children'>;
  readonly rules: RuleBook;
  readonly identities: Pick<ClusterIdentities, 'learn'>;
}

/** Topics that a route's patterns and another's, or its own, would bring into one target topic. */
export class RouteClashCheck {
  readonly #deps: RouteClashCheckDeps;

  constructor(deps: RouteClashCheckDeps) {
    this.#deps = deps;
  }

  /** The first topic of each pair that comes will be mirrored, the other one not. @param all routes of the fleet */
  async warnings(route: Route, all: readonly Route[]): Promise<readonly string[]> {
    return (await this.#clashes(route, all)).map(({ message }) => message);
  }

  /** What is said by name cannot be meant. A clash that was there before stands in nobody's way. @throws TARGET_CONFLICT */
  async check(before: Route | undefined, route: Route, all: readonly Route[]): Promise<void> {
    const decisive = (one: Route): string => {
      const { source, target, selection, naming, delivery, partitionMapping } = one;
      return JSON.stringify([source, target, selection, naming, delivery, partitionMapping, asideTopics(one)]);
    };
    if (before !== undefined && decisive(before) === decisive(route)) return;
    const clash = (await this.#clashes(route, all)).find(({ isCertain }) => isCertain);
    if (clash === undefined) return;
    throw new CausewayError('TARGET_CONFLICT', clash.message, {
      place: { route: route.name },
      fix: 'Name the topics otherwise at the target, or leave one of them out. Routes may share a target topic where each has delivery transactional.',
    });
  }

  async #clashes(route: Route, others: readonly Route[]): Promise<readonly RouteClash[]> {
    const isSimple = route.selection === undefined && route.naming.policy !== 'map' && asideTopics(route).length === 0;
    if (isSimple) return [];
    const { store, rules, identities } = this.#deps;
    const names = await mapLimited(others, READ_CONCURRENCY, ({ name }) => store.children(topicsPath(name)));
    return routeClashes(route, {
      others,
      rulesOf: ({ selection }) => rules.rulesOf(selection),
      names: [...new Set(names.flatMap((found) => found ?? []))],
      identity: await identities.learn(),
    });
  }
}
