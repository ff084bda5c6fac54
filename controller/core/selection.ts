import { isInternalTopic, topicSource } from '../../common/model/naming.js';
import { type Route, type TopicEntry, targetTopicOf } from '../../common/model/route.js';
import { topicNameFault } from '../../common/model/topic-partition.js';
import { byName, type ClusterIdentity } from './cluster-identity.js';
import { isGuardedPair, metricName } from './conflicts.js';
import { neverMirrored, unsuitable } from './own-topics.js';

/** A selection's patterns and the operators' deny list, compiled. Each answers with the pattern that matches. */
export interface TopicRules {
  included(topic: string): string | undefined;
  excluded(topic: string): string | undefined;
  /** By the deny list of the configuration: wins over everything. */
  denied(topic: string): string | undefined;
}

/** A topic of a cluster's list. */
export interface ListedTopic {
  /** The brokers call it internal. */
  readonly internal: boolean;
}

/** What a route makes of a topic of its source that it does not mirror yet. */
export type SelectionVerdict =
  | { readonly kind: 'selected'; readonly by: string }
  | { readonly kind: 'not-included' }
  | { readonly kind: 'excluded'; readonly by: string }
  /** By an order, by the configuration, or because it is nobody's data. */
  | { readonly kind: 'denied'; readonly by: string }
  /** Its records came from the route's target: they would travel in circles. */
  | { readonly kind: 'mirror'; readonly by: string }
  /** Its target topic has another source already, or would have an illegal name. */
  | { readonly kind: 'conflict'; readonly by: string }
  /** The target has no such topic, and the route takes only those that are there. */
  | { readonly kind: 'no-target' };

/** Why a topic that is mirrored should not be, by the rules as they stand now. */
export interface Standing {
  readonly code: 'TOPIC_DENIED' | 'TOPIC_UNSELECTED';
  readonly message: string;
  /** Its partitions are paused. */
  readonly stops: boolean;
}

export interface SelectionWorldInput {
  readonly routes: ReadonlyMap<string, Route>;
  /** Every topic that is mirrored, on whatever route. */
  readonly entries: Iterable<Pick<TopicEntry, 'route' | 'topic'>>;
  /** `route/topic` of topics that operators denied. */
  readonly denials: ReadonlySet<string>;
  /** Names of the clusters that are known. */
  readonly clusters: readonly string[];
  /** Absent: every name is a cluster. */
  readonly identity?: ClusterIdentity;
}

interface Origin {
  readonly route: string;
  readonly cluster: string;
  readonly topic: string;
  readonly by: Route;
}

const nodeOf = (cluster: string, topic: string): string => `${cluster}\u0000${topic}`;

/** Where every mirrored topic comes from, and what a route may take up beside it. Pure; grows by `take`. */
export class SelectionWorld {
  readonly #denials: ReadonlySet<string>;
  /** Longest first: one name may begin another. */
  readonly #clusters: readonly string[];
  /** By cluster and topic: what is mirrored into it. */
  readonly #origins = new Map<string, Origin>();
  /** The same by the names that metrics have for them. */
  readonly #metricNames = new Map<string, string>();
  /** By cluster and topic: where routes put records they could not deliver. */
  readonly #deadLetters = new Map<string, string>();
  readonly #identity: ClusterIdentity;

  constructor({ routes, entries, denials, clusters, identity = byName }: SelectionWorldInput) {
    this.#denials = denials;
    this.#identity = identity;
    this.#clusters = [...clusters].sort((a, b) => b.length - a.length);
    for (const { name, target, deadLetterTopic } of routes.values()) {
      if (deadLetterTopic !== undefined) this.#deadLetters.set(this.#node(target, deadLetterTopic), name);
    }
    for (const { route, topic } of entries) {
      const found = routes.get(route);
      if (found !== undefined) this.take(found, topic);
    }
  }

  /** The route mirrors the topic now. */
  take(route: Route, topic: string): void {
    const targetTopic = targetTopicOf(route, topic);
    const node = this.#node(route.target, targetTopic);
    const origin = { route: route.name, cluster: route.source, topic, by: route };
    if (!this.#origins.has(node)) this.#origins.set(node, origin);
    this.#metricNames.set(this.#node(route.target, metricName(targetTopic)), targetTopic);
  }

  #node(cluster: string, topic: string): string {
    return nodeOf(this.#identity(cluster), topic);
  }

  /** @param hasTarget is the topic of this name at the route's target? */
  judge(
    route: Route,
    {
      rules,
      topic,
      internal,
      hasTarget,
    }: ListedTopic & {
      readonly rules: TopicRules;
      readonly topic: string;
      readonly hasTarget: (targetTopic: string) => boolean;
    },
  ): SelectionVerdict {
    const by = rules.included(topic);
    if (by === undefined) return { kind: 'not-included' };
    const denied = this.#denied(route, topic, rules) ?? (internal ? 'the brokers call it internal' : undefined);
    if (denied !== undefined) return { kind: 'denied', by: denied };
    const excluded = rules.excluded(topic);
    if (excluded !== undefined) return { kind: 'excluded', by: excluded };
    const mirror = this.#mirrorOf(route, topic);
    if (mirror !== undefined) return { kind: 'mirror', by: mirror };
    const targetTopic = targetTopicOf(route, topic);
    const conflict = this.#conflict(route, topic, targetTopic);
    if (conflict !== undefined) return { kind: 'conflict', by: conflict };
    if (route.selection?.targetMustExist === true && !hasTarget(targetTopic)) return { kind: 'no-target' };
    return { kind: 'selected', by };
  }

  /** Undefined: nothing is to be said against a topic that is mirrored. Denials hold for whatever was added how ever. */
  standing(route: Route, entry: Pick<TopicEntry, 'topic' | 'origin'>, rules: TopicRules): Standing | undefined {
    const { topic, origin } = entry;
    if (this.#denials.has(`${route.name}/${topic}`)) {
      const message = 'an operator denied it: its partitions are paused until it is allowed again';
      return { code: 'TOPIC_DENIED', message, stops: true };
    }
    const never = neverMirrored(topic) ?? denyText(rules.denied(topic));
    if (never !== undefined)
      return { code: 'TOPIC_DENIED', message: `${never}: its partitions are paused`, stops: true };
    if (origin === undefined || route.selection === undefined) return undefined;
    const excluded = rules.excluded(topic);
    if (rules.included(topic) !== undefined && excluded === undefined) return undefined;
    const stops = route.selection.onUnmatched === 'stop';
    const why = excluded === undefined ? 'no pattern includes it any more' : `the pattern ${excluded} excludes it now`;
    const then = stops ? 'its partitions are paused (onUnmatched: stop)' : 'it is copied on (onUnmatched: keep)';
    return { code: 'TOPIC_UNSELECTED', message: `the route selected it once, and ${why}; ${then}`, stops };
  }

  #denied(route: Route, topic: string, rules: TopicRules): string | undefined {
    if (this.#denials.has(`${route.name}/${topic}`)) return 'an operator denied it';
    const letters = this.#deadLetters.get(this.#node(route.source, topic));
    const own = letters === undefined ? undefined : `it holds the dead letters of route ${letters}`;
    return neverMirrored(topic) ?? denyText(rules.denied(topic)) ?? unsuitableFor(route, topic) ?? own;
  }

  /** By what this fleet mirrors, and by the prefixes that anybody's default naming leaves. */
  #mirrorOf(route: Route, topic: string): string | undefined {
    const seen = new Set<string>();
    const target = this.#identity(route.target);
    const here = this.#node(route.source, topic);
    let at = here;
    for (let origin = this.#origins.get(at); origin !== undefined && !seen.has(at); origin = this.#origins.get(at)) {
      const isGuarded = at === here && isGuardedPair({ route: origin.by, topic: origin.topic }, { route, topic });
      const isBack = this.#identity(origin.cluster) === target && !isGuarded;
      if (isBack) return `route ${origin.route} brought it from ${route.target}`;
      seen.add(at);
      at = this.#node(origin.cluster, origin.topic);
    }
    const { naming } = route;
    if (naming.policy !== 'default') return undefined;
    const byItsName = `its name says that it comes from ${route.target}`;
    // As MirrorMaker 2's isCycle reads names, but that a separator may be part of a name that is known.
    for (let rest = topic; ; ) {
      const cluster = this.#clusters.find((name) => rest.startsWith(`${name}${naming.separator}`));
      const hop = cluster ?? topicSource(rest, naming.separator);
      if (hop === null) return undefined;
      if (this.#identity(hop) === target) return byItsName;
      rest = rest.slice(hop.length + naming.separator.length);
    }
  }

  #conflict(route: Route, topic: string, targetTopic: string): string | undefined {
    const fault = topicNameFault(targetTopic);
    if (fault !== undefined) return `its target topic’s name would be illegal: ${fault}`;
    const rival = this.#origins.get(this.#node(route.target, targetTopic));
    const mayShare = rival !== undefined && rival.route !== route.name && areTransactional(rival.by, route);
    if (rival !== undefined && !mayShare && (rival.route !== route.name || rival.topic !== topic)) {
      return `topic ${rival.topic} on route ${rival.route} is mirrored into ${targetTopic} already`;
    }
    const alike = this.#metricNames.get(this.#node(route.target, metricName(targetTopic)));
    if (alike === undefined || alike === targetTopic) return undefined;
    return `its target topic ${targetTopic} differs from ${alike} only in "." and "_": Kafka does not take both`;
  }
}

/** Such routes may share a target topic, as `findConflicts` has it. */
function areTransactional(...routes: readonly Route[]): boolean {
  return routes.every(({ delivery }) => delivery === 'transactional');
}

function unsuitableFor({ naming }: Route, topic: string): string | undefined {
  const why = unsuitable(topic);
  if (why !== undefined || naming.policy !== 'default' || !isInternalTopic(topic, naming.separator)) return why;
  return 'its name is one of MirrorMaker 2’s internal topics';
}

function denyText(pattern: string | undefined): string | undefined {
  return pattern === undefined ? undefined : `the configuration’s deny list has ${pattern}`;
}
