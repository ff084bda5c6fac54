import { heartbeatTopic } from '../../common/model/heartbeat.js';
import { type Route, targetTopicOf } from '../../common/model/route.js';
import type { Logger } from '../../common/observability/logger.js';
import type { Metrics } from '../../common/observability/metrics.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { Closable } from '../../common/runtime/lifecycle.js';
import type { Random } from '../../common/runtime/random.js';
import { type ClusterIdentity, identitiesOf } from '../core/cluster-identity.js';
import type { TargetNeed } from '../core/desired.js';
import type { Problem } from '../core/problem.js';
import type { TopicFact, TopicFacts, Unproven } from '../core/topic-facts.js';
import { ClusterPoller } from './cluster-poller.js';
import { Drills } from './drills.js';
import { internalTopics, missingInternalTopics } from './internal-topics.js';
import type { DeliveryProver, SourceMetadata, TargetAdmin } from './ports.js';
import { TargetTopics } from './target-topics.js';
import { type TopicListing, TopicListings } from './topic-listings.js';

export interface DiscoveryOptions {
  readonly metadata: SourceMetadata;
  readonly admin: TargetAdmin;
  /** For tests without: every target counts as proven. */
  readonly prover?: DeliveryProver;
  readonly fleet: string;
  readonly metadataIntervalMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly onChange: () => void;
}

/** What the leader knows of the clusters: one poller per cluster that some route names, and the target topics being made. */
export class Discovery implements Closable {
  readonly #options: DiscoveryOptions;
  readonly #pollers = new Map<string, ClusterPoller>();
  readonly #targets: TargetTopics;
  readonly #drills: Drills | undefined;
  readonly #listings: TopicListings;
  #routes = new Set<Route>();

  constructor(options: DiscoveryOptions) {
    this.#options = options;
    const { admin, prover, fleet, clock, random, logger, metrics, onChange } = options;
    this.#targets = new TargetTopics({
      admin,
      clock,
      random,
      logger,
      snapshot: (cluster) => this.#pollers.get(cluster)?.snapshot,
      onDone: (cluster) => this.#pollers.get(cluster)?.refresh(),
    });
    const { metadata, metadataIntervalMs: intervalMs } = options;
    this.#listings = new TopicListings({ metadata, intervalMs, clock, random, logger, onChange });
    const isReady = (cluster: string): boolean =>
      this.#pollers.get(cluster)?.fact(heartbeatTopic(fleet)).state === 'present';
    this.#drills =
      prover === undefined
        ? undefined
        : new Drills({ fleet, prover, isReady, onChange, clock, random, logger, metrics });
  }

  get problems(): readonly Problem[] {
    return this.#targets.problems;
  }

  /** The same text means that nothing else is known of any cluster. */
  get revision(): string {
    const clusters = [...this.#pollers].map(([cluster, poller]) => `${cluster}:${poller.revision}`);
    return [...clusters, this.#drills?.revision, this.#listings.revision].join(',');
  }

  /** Which names are the same cluster, as far as they have told their ids. */
  get identity(): ClusterIdentity {
    return identitiesOf(
      new Map([...this.#pollers].map(([name, poller]) => [name, poller.snapshot?.clusterId ?? null])),
    );
  }

  get listingRevision(): number {
    return this.#listings.revision;
  }

  list(clusters: ReadonlySet<string>): void {
    this.#listings.follow(clusters);
  }

  listing(cluster: string): TopicListing | undefined {
    return this.#listings.of(cluster);
  }

  /** Follows the desired topics: their names at the source and at the target. */
  follow(entries: readonly { readonly route: Route; readonly topic: string }[]): void {
    const wanted = new Map<string, Set<string>>();
    const want = (cluster: string, topic: string): void => {
      const topics = wanted.get(cluster);
      if (topics === undefined) wanted.set(cluster, new Set([topic]));
      else topics.add(topic);
    };
    this.#routes = new Set(entries.map(({ route }) => route));
    for (const route of this.#routes) {
      for (const { targetTopic } of internalTopics(route, this.#options.fleet)) want(route.target, targetTopic);
    }
    for (const { route, topic } of entries) {
      want(route.source, topic);
      want(route.target, targetTopicOf(route, topic));
    }
    this.#drills?.follow(this.#routes);
    for (const [cluster, topics] of wanted) this.#poller(cluster).want(topics);
    for (const [cluster, poller] of this.#pollers) if (!wanted.has(cluster)) poller.want(new Set());
  }

  unproven(target: string): Unproven | undefined {
    return this.#drills?.unproven(target);
  }

  facts(route: Route, topic: string, targetTopic: string): TopicFacts {
    const unproven = route.delivery === 'exactly-once' ? this.unproven(route.target) : undefined;
    return {
      source: this.#pollers.get(route.source)?.fact(topic) ?? { state: 'unknown' },
      target: this.#pollers.get(route.target)?.fact(targetTopic) ?? { state: 'unknown' },
      ...(unproven === undefined ? {} : { unproven }),
    };
  }

  /** Starts making what is missing, Causeway's own topics included; false while something is. */
  ensureTargets(needs: readonly TargetNeed[]): boolean {
    const fact = (cluster: string, topic: string): TopicFact =>
      this.#pollers.get(cluster)?.fact(topic) ?? { state: 'unknown' };
    const own = missingInternalTopics(this.#routes, this.#options.fleet, fact);
    this.#targets.ensure([...needs, ...own]);
    return needs.length + own.length === 0;
  }

  async close(): Promise<void> {
    // Target topics that are being made are not waited for: a cluster that hangs would keep this controller from its next reign.
    await Promise.all([
      this.#drills?.close(),
      this.#listings.close(),
      ...[...this.#pollers.values()].map((poller) => poller.close()),
    ]);
  }

  #poller(cluster: string): ClusterPoller {
    let poller = this.#pollers.get(cluster);
    if (poller === undefined) {
      const { metadata, metadataIntervalMs, clock, random, logger, onChange } = this.#options;
      poller = new ClusterPoller({
        cluster,
        metadata,
        intervalMs: metadataIntervalMs,
        clock,
        random,
        logger,
        onChange,
      });
      this.#pollers.set(cluster, poller);
      poller.start();
    }
    return poller;
  }
}
