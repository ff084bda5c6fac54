import type { RouteChange } from '../../common/api/desired-shapes.js';
import type { Config } from '../../common/config/compile.js';
import { recordRulesFrom } from '../../common/config/record-rules-schema.js';
import { rateLimitsFrom, routeFromSettings, selectionFrom } from '../../common/config/route.js';
import type { RouteSettings } from '../../common/config/route-schema.js';
import { countedRemoval } from '../../common/coordination/counted-removal.js';
import { ANY_VERSION, type CoordinationStore, type StoreNode, type StoreOp } from '../../common/coordination/ports.js';
import { decodeRoute, encodeRoute } from '../../common/coordination/records/desired.js';
import { ROUTES, routePath, topicsPath } from '../../common/coordination/znodes.js';
import { CausewayError, isCausewayError } from '../../common/errors/error.js';
import { keepsPositionsAlike } from '../../common/model/delivery.js';
import { type Route, targetTopicOf } from '../../common/model/route.js';
import { identifierFault } from '../../common/model/worker.js';
import { rulesWarnings } from '../../common/rules/warnings.js';
import { mapLimited } from '../../common/runtime/map-limited.js';
import type { RuleBook } from '../loop/rule-book.js';
import type { ClusterIdentities } from '../metadata/cluster-identities.js';
import type { SourceMetadata } from '../metadata/ports.js';
import { checkDiversions } from './conflict-check.js';
import { checkPreconditions, failed, type Preconditions, requireIfMatch } from './etag.js';
import { RouteClashCheck } from './route-clash-check.js';
import { checkClusterIds, checkRoute, checkRules, checkSchemaTopic, checkTargetNames } from './route-rules.js';

const READ_CONCURRENCY = 32;

export interface StoredRoute {
  readonly route: Route;
  readonly node: Pick<StoreNode, 'createdAt' | 'version'>;
}

export interface RouteServiceDeps {
  readonly store: CoordinationStore;
  readonly config: Config;
  readonly metadata: SourceMetadata;
  readonly rules: RuleBook;
  readonly identities: Pick<ClusterIdentities, 'learn'>;
}

/** Routes as operators write them: compare-and-set nodes, accepted on any controller. */
export class RouteService {
  readonly #store: CoordinationStore;
  readonly #config: Config;
  readonly #metadata: SourceMetadata;
  readonly #clashes: RouteClashCheck;

  constructor({ store, config, metadata, rules, identities }: RouteServiceDeps) {
    this.#store = store;
    this.#config = config;
    this.#metadata = metadata;
    this.#clashes = new RouteClashCheck({ store, rules, identities });
  }

  async names(): Promise<readonly string[]> {
    return (await this.#store.children(ROUTES)) ?? [];
  }

  /** @throws ROUTE_UNKNOWN */
  async get(name: string): Promise<StoredRoute> {
    const stored = await this.find(name);
    if (stored !== undefined) return stored;
    throw new CausewayError('ROUTE_UNKNOWN', `there is no route "${name.slice(0, 100)}"`, {
      fix: 'GET /api/v1/routes lists the routes; PUT /api/v1/routes/{route} makes one.',
    });
  }

  async find(name: string): Promise<StoredRoute | undefined> {
    if (identifierFault(name) !== undefined) return undefined;
    const node = await this.#store.get(routePath(name));
    return node === undefined ? undefined : { route: decodeRoute(node.data, routePath(name)), node };
  }

  /** The route that uReplicator's paths speak of. */
  async legacy(): Promise<StoredRoute> {
    const name = this.#config.controller.legacyRoute;
    if (name !== undefined) return await this.get(name);
    const names = await this.names();
    if (names.length === 1) return await this.get(names[0] as string);
    throw new CausewayError(
      'ROUTE_UNKNOWN',
      `there are ${names.length} routes, and none is said to be meant by /topics`,
      {
        fix: 'Set controller.legacyRoute in the configuration.',
      },
    );
  }

  async topicCount(name: string): Promise<number> {
    return ((await this.#store.children(topicsPath(name))) ?? []).length;
  }

  async all(): Promise<readonly Route[]> {
    const found = await mapLimited(await this.names(), READ_CONCURRENCY, (name) => this.find(name));
    return found.flatMap((stored) => (stored === undefined ? [] : [stored.route]));
  }

  /**
   * Creates or replaces; `created` tells which.
   * @param options.mayRename topics of the route may get other target topics: each is copied anew into its new one
   * @throws ROUTE_INVALID, CLUSTER_UNKNOWN, ROUTE_IN_USE, PRECONDITION_...
   */
  async put(
    name: string,
    settings: RouteSettings,
    preconditions: Preconditions,
    options: { readonly mayRename?: boolean } = {},
  ): Promise<StoredRoute & { readonly created: boolean }> {
    const fault = identifierFault(name);
    if (fault !== undefined)
      throw new CausewayError('ROUTE_INVALID', `"${name.slice(0, 100)}" cannot name a route: ${fault}`);
    const route = routeFromSettings(name, settings);
    checkRoute(route, this.#config.clusters);
    checkRules(route, this.#config.ruleSecrets);
    if (route.schemas?.mode === 'topic') checkSchemaTopic(route, await this.all());
    const before = await this.find(name);
    checkPreconditions(preconditions, before?.node);
    if (before !== undefined && encodeRoute(before.route).equals(encodeRoute(route)))
      return { ...before, created: false };
    if (before !== undefined) requireIfMatch(preconditions);
    await checkClusterIds(route, this.#metadata);
    const all = await this.all();
    await checkDiversions(this.#store, all, route);
    await this.#clashes.check(before?.route, route, all);
    if (before === undefined) await this.#create(route);
    else {
      await this.#checkRenames(before.route, route, options.mayRename === true);
      await this.#replace(before, route);
    }
    return { ...(await this.get(name)), created: before === undefined };
  }

  /** Changes what may change while the route copies. @throws ROUTE_UNKNOWN, PRECONDITION_FAILED */
  async patch(
    name: string,
    { limits, selection, rules }: RouteChange,
    preconditions: Preconditions,
  ): Promise<StoredRoute> {
    const before = await this.get(name);
    checkPreconditions(preconditions, before.node);
    const { selection: present, rules: presentRules, ...rest } = before.route;
    const given = rules === null || rules === undefined ? undefined : recordRulesFrom(rules);
    const treated = rules === undefined ? presentRules : given;
    const chosen = selection === undefined ? present : (selection ?? undefined);
    const route: Route = {
      ...rest,
      limits: limits === undefined ? rest.limits : rateLimitsFrom(limits),
      ...(chosen === undefined ? {} : { selection: selectionFrom(chosen) }),
      ...(treated === undefined ? {} : { rules: treated }),
    };
    checkRoute(route, this.#config.clusters);
    checkRules(route, this.#config.ruleSecrets);
    if (encodeRoute(before.route).equals(encodeRoute(route))) return before;
    const all = await this.all();
    if (rules !== undefined) await checkDiversions(this.#store, all, route);
    await this.#clashes.check(before.route, route, all);
    await this.#replace(before, route);
    return await this.get(name);
  }

  /** What should be known of it before its topics come: rules that have no effect, patterns that meet others in one target topic. */
  async warnings(route: Route): Promise<readonly string[]> {
    const ofRules = route.rules === undefined ? [] : rulesWarnings(route.rules);
    return [...ofRules, ...(await this.#clashes.warnings(route, await this.all()))];
  }

  /** @throws ROUTE_UNKNOWN, ROUTE_IN_USE, PRECONDITION_FAILED */
  async remove(name: string, preconditions: Preconditions): Promise<void> {
    const { node } = await this.get(name);
    checkPreconditions(preconditions, node);
    // The parent of its topics goes with it, made for that if need be: a first topic can slip in neither before nor after.
    try {
      await this.#store.create(topicsPath(name), Buffer.alloc(0));
    } catch (error) {
      if (!isCausewayError(error, 'NODE_EXISTS')) throw error;
    }
    const parent: StoreOp = { type: 'remove', path: topicsPath(name), version: ANY_VERSION };
    const outcome = await this.#store.multi([...countedRemoval(routePath(name), node.version), parent]);
    if (outcome.applied) return;
    if (outcome.code === 'NODE_NOT_EMPTY') throw inUse(name, 'it cannot be removed');
    throw failed('it changed since it was read');
  }

  async #create(route: Route): Promise<void> {
    try {
      await this.#store.create(routePath(route.name), encodeRoute(route));
    } catch (error) {
      if (!isCausewayError(error, 'NODE_EXISTS')) throw error;
      throw new CausewayError('ROUTE_EXISTS', `route ${route.name} was made by somebody else just now`);
    }
  }

  /** Another name is another continuity (exactly-once.md 6.5): nobody should begin that without having been told. */
  async #checkRenames(before: Route, route: Route, mayRename: boolean): Promise<void> {
    if (JSON.stringify(before.naming) === JSON.stringify(route.naming)) return;
    const topics = (await this.#store.children(topicsPath(route.name))) ?? [];
    checkTargetNames(route, topics);
    const renamed = topics.filter((topic) => targetTopicOf(before, topic) !== targetTopicOf(route, topic));
    const [first] = renamed;
    if (first === undefined || mayRename) return;
    const example = `${first} from ${targetTopicOf(before, first)} to ${targetTopicOf(route, first)}`;
    throw new CausewayError(
      'ROUTE_IN_USE',
      `the naming gives ${renamed.length} of its topics other target topics: ${example}`,
      {
        place: { route: route.name },
        fix: 'Each would be copied anew, from where the route starts, into its new target topic; the old one stays as it is. PUT with ?renames=allow, or "causeway route apply --allow-renames", if that is meant.',
      },
    );
  }

  async #replace(before: StoredRoute, route: Route): Promise<void> {
    const identity = ({ source, target, partitionMapping, provenance }: Route): string =>
      JSON.stringify([source, target, partitionMapping, provenance]);
    if (identity(before.route) !== identity(route) && (await this.topicCount(route.name)) > 0) {
      throw inUse(route.name, 'its clusters, partition mapping and provenance cannot be changed');
    }
    if (!keepsPositionsAlike(before.route, route) && (await this.topicCount(route.name)) > 0) {
      throw inUse(route.name, `its delivery cannot be changed from ${before.route.delivery} to ${route.delivery}`);
    }
    try {
      await this.#store.set(routePath(route.name), encodeRoute(route), before.node.version);
    } catch (error) {
      if (isCausewayError(error, 'BAD_VERSION') || isCausewayError(error, 'NODE_MISSING')) {
        throw failed('it changed since it was read');
      }
      throw error;
    }
  }
}

function inUse(route: string, what: string): CausewayError {
  return new CausewayError('ROUTE_IN_USE', `the route has topics: ${what}`, {
    place: { route },
    fix: 'Remove its topics first.',
  });
}
