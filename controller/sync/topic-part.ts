import { CausewayError } from '../../common/errors/error.js';
import { isHeartbeatsTopic, isInternalTopic, keepsNames, separatorOf } from '../../common/model/naming.js';
import type { ConfigPlanItem, TopicPlanItem } from '../../common/model/plan-item.js';
import { isRetired, type Route, sourceTopicOf, targetTopicOf } from '../../common/model/route.js';
import type { TopicConfigs } from '../../common/model/topic-config.js';
import { DEFAULT_TOPIC_SYNC } from '../../common/model/topic-sync.js';
import { neededPartitions } from '../core/desired.js';
import { neverMirrored } from '../core/own-topics.js';
import { compareText } from '../core/text-order.js';
import { deletionFault } from '../core/topic-deletion.js';
import { type DriftFact, type DriftQuestion, replicationFactorOf, topicDrift } from '../core/topic-drift.js';
import type { ClusterIdentities } from '../metadata/cluster-identities.js';
import type { ClusterSnapshot, SourceMetadata, TargetAdmin, TopicInfo } from '../metadata/ports.js';
import { configFilter } from '../metadata/topic-configs.js';
import { ConfigRivals } from './config-rivals.js';
import type { SyncPart, SyncStep, SyncSubject } from './ports.js';
import type { TopicAdmin, TopicWorld } from './topic-ports.js';

export interface TopicPartDeps {
  readonly metadata: SourceMetadata;
  readonly admin: TargetAdmin;
  readonly topics: TopicAdmin;
  readonly world: TopicWorld;
  readonly identities: Pick<ClusterIdentities, 'learn'>;
}

type Item = TopicPlanItem | ConfigPlanItem;

/** Both ends of a route's topics as they were read. */
interface Ends {
  readonly source: ClusterSnapshot;
  readonly target: ClusterSnapshot;
  readonly sourceConfigs: ReadonlyMap<string, TopicConfigs>;
  readonly targetConfigs: ReadonlyMap<string, TopicConfigs>;
}

/** Topics, their partitions and configs. */
export class TopicPart implements SyncPart {
  readonly name = 'topics';
  readonly #deps: TopicPartDeps;
  readonly #rivals: ConfigRivals;

  constructor(deps: TopicPartDeps) {
    this.#deps = deps;
    this.#rivals = new ConfigRivals(deps);
  }

  async plan(subject: SyncSubject): Promise<readonly SyncStep[]> {
    const { route } = subject;
    const topics = subject.entries.filter((entry) => !isRetired(entry)).map(({ topic }) => topic);
    const ends = await this.#read(route, topics.sort(compareText));
    const faults = await this.#deletionFaults(route, topics, ends);
    const questions = topics.map(
      (topic): DriftQuestion => ({
        route,
        topic,
        source: factOf(ends.source, topic),
        target: factOf(ends.target, targetTopicOf(route, topic)),
        configs: configsOf(route, topic, ends),
        targetBrokers: ends.target.brokers,
        isMirroredConfig: configFilter(route),
        configFault: () => undefined,
        deletionFault: () => (faults.has(topic) ? (faults.get(topic) ?? undefined) : 'it was not looked into'),
      }),
    );
    const differing = questions.filter((question) => topicDrift(question).some(isConfigChange));
    const asked = differing.map(({ topic }) => topic);
    const rivals = await this.#rivals.faults(route, topics, asked);
    const items = questions.flatMap((question) =>
      topicDrift({ ...question, configFault: (config) => rivals(question.topic, config) }),
    );
    const orphans = await this.#orphans(route, new Set(topics));
    return [...items.map((item) => this.#stepOf(route, item, ends)), ...orphans.map((item) => ({ item }))];
  }

  async #read(route: Route, topics: readonly string[]): Promise<Ends> {
    const { metadata, topics: admin } = this.#deps;
    const targetTopics = topics.map((topic) => targetTopicOf(route, topic));
    const [source, target] = await Promise.all([
      metadata.describe(route.source, topics),
      metadata.describe(route.target, [...new Set(targetTopics)]),
    ]);
    const present = topics.filter((topic) => typeof factOf(source, topic) === 'object');
    const isMissing = (topic: string): boolean => typeof factOf(target, targetTopicOf(route, topic)) !== 'object';
    // Those that are to be made need the source's configs in any case.
    const isOff = (route.topicSync ?? DEFAULT_TOPIC_SYNC).configs.mode === 'off';
    const compared = isOff ? [] : present.filter((topic) => !isMissing(topic));
    const sourceConfigs = await admin.configs(route.source, isOff ? present.filter(isMissing) : present);
    const wanted = [...new Set(compared.map((topic) => targetTopicOf(route, topic)))];
    return { source, target, sourceConfigs, targetConfigs: await admin.configs(route.target, wanted) };
  }

  /** Why target topics whose source is gone may not be deleted; null: they may. */
  async #deletionFaults(
    route: Route,
    topics: readonly string[],
    ends: Ends,
  ): Promise<ReadonlyMap<string, string | null>> {
    const gone = topics.filter((topic) => factOf(ends.source, topic) === 'absent');
    if (gone.length === 0 || (route.topicSync ?? DEFAULT_TOPIC_SYNC).deletion.policy !== 'delete') return new Map();
    const { world, identities, metadata } = this.#deps;
    const identity = await identities.learn();
    const all = await world.routes();
    const routes = all.filter(({ target }) => identity(target) === identity(route.target));
    const entries = (await Promise.all(routes.map(({ name }) => world.entries(name)))).flat();
    const listed = await metadata.list?.(route.source);
    const faults = new Map<string, string | null>();
    for (const topic of gone) {
      const target = factOf(ends.target, targetTopicOf(route, topic));
      const progress = await world.progress(route.name, topic);
      // Two answers have to agree: of the topic itself, and of all there are.
      const isListed = listed === undefined || listed.size === 0 || listed.has(topic);
      const doubt = isListed ? `the list of ${route.source}’s topics does not bear that out` : undefined;
      faults.set(topic, doubt ?? deletionFault({ route, topic, target, progress, routes, entries, identity }) ?? null);
    }
    return faults;
  }

  /** Topics at the target that are named as this route names, and have no source topic. */
  async #orphans(route: Route, mirrored: ReadonlySet<string>): Promise<TopicPlanItem[]> {
    const { metadata, world } = this.#deps;
    const [atSource, atTarget] = await Promise.all([metadata.list?.(route.source), metadata.list?.(route.target)]);
    if (atSource === undefined || atTarget === undefined || atSource.size === 0) return [];
    const remembered = keepsNames(route.naming) ? new Set(await world.remembered(route.name)) : undefined;
    const separator = separatorOf(route.naming);
    return [...atTarget.keys()].sort(compareText).flatMap((topic): TopicPlanItem[] => {
      const sourceTopic = sourceTopicOf(route, topic);
      if (sourceTopic === undefined || atSource.has(sourceTopic) || mirrored.has(sourceTopic)) return [];
      if (remembered?.has(sourceTopic) === false || neverMirrored(topic) !== undefined) return [];
      if (isInternalTopic(topic, separator) || isHeartbeatsTopic(topic, separator)) return [];
      const reason = `by its name it is the copy of topic ${sourceTopic}, which ${route.source} does not have and the route does not mirror`;
      const orphan = {
        kind: 'topic-orphan',
        action: 'report',
        before: 'present',
        after: null,
        applies: false,
      } as const;
      return [{ ...orphan, cluster: route.target, topic, sourceTopic: null, reason }];
    });
  }

  #stepOf(route: Route, item: Item, ends: Ends): SyncStep {
    if (!item.applies) return { item };
    return { item, run: () => this.#run(route, item, ends) };
  }

  async #run(route: Route, item: Item, ends: Ends): Promise<void> {
    const { admin, topics } = this.#deps;
    const source = item.sourceTopic === null ? undefined : infoOf(ends.source, item.sourceTopic);
    switch (item.kind) {
      case 'topic-create': {
        if (source === undefined) return;
        const { partitions, replicationFactor } = source;
        const made = {
          topic: item.topic,
          partitions: neededPartitions(route, partitions),
          replicationFactor: replicationFactorOf(route, replicationFactor, ends.target.brokers),
          configs: createdConfigs(route, ends.sourceConfigs.get(item.sourceTopic ?? '')),
        };
        const failed = await admin.createTopics(route.target, [made]);
        const error = failed.get(item.topic);
        if (error !== undefined) throw error;
        return;
      }
      case 'partitions':
        await admin.createPartitions(route.target, item.topic, Number(item.after));
        return;
      case 'config': {
        const changes = new Map([[item.topic, [{ name: item.name, value: item.after }]]]);
        const error = (await topics.alterConfigs(route.target, changes)).get(item.topic);
        if (error !== undefined) throw error;
        return;
      }
      case 'topic-delete':
        await this.#delete(route, item);
        return;
      default:
        throw new CausewayError('INTERNAL_INVARIANT', `nothing is to be done about an item of kind ${item.kind}`);
    }
  }

  /** Looks once more: the source may have it again. */
  async #delete(route: Route, { topic: targetTopic, sourceTopic }: Item): Promise<void> {
    const { metadata, topics, world } = this.#deps;
    if (sourceTopic === null) return;
    const source = factOf(await metadata.describe(route.source, [sourceTopic]), sourceTopic);
    const target = factOf(await metadata.describe(route.target, [targetTopic]), targetTopic);
    const progress = await world.progress(route.name, sourceTopic);
    const place = { route: route.name, topic: sourceTopic, cluster: route.target };
    if (source !== 'absent' || typeof target !== 'object' || target.topicId !== (progress?.targetTopicId ?? null)) {
      throw new CausewayError('PRECONDITION_FAILED', 'the topics are not as they were when this was planned', {
        place,
        fix: 'Read the plan again.',
      });
    }
    await topics.deleteTopic(route.target, { topic: targetTopic, topicId: target.topicId });
    await world.forget(route.name, sourceTopic);
  }
}

/** What a topic that is made gets: the source topic's own configs, or with defaults from the source all that hold there. */
function createdConfigs(route: Route, configs: TopicConfigs | undefined): Record<string, string> {
  const isMirrored = configFilter(route);
  const { useDefaultsFrom } = (route.topicSync ?? DEFAULT_TOPIC_SYNC).configs;
  const set = [...(configs?.values() ?? [])].flatMap(({ name, value, isOwn, isReadOnly, isSensitive }) => {
    const isCopied = value !== null && !isReadOnly && !isSensitive && (isOwn || useDefaultsFrom === 'source');
    return isCopied && isMirrored(name) ? [[name, value] as const] : [];
  });
  return Object.fromEntries(set.sort(([a], [b]) => compareText(a, b)));
}

function isConfigChange({ kind, applies }: Item): boolean {
  return kind === 'config' && applies;
}

function factOf({ topics }: ClusterSnapshot, topic: string): DriftFact {
  return topics.get(topic) ?? 'unknown';
}

function infoOf(snapshot: ClusterSnapshot, topic: string): TopicInfo | undefined {
  const fact = snapshot.topics.get(topic);
  return typeof fact === 'object' ? fact : undefined;
}

function configsOf(
  route: Route,
  topic: string,
  { sourceConfigs, targetConfigs }: Ends,
): { readonly source: TopicConfigs; readonly target: TopicConfigs } | undefined {
  const source = sourceConfigs.get(topic);
  const target = targetConfigs.get(targetTopicOf(route, topic));
  return source === undefined || target === undefined ? undefined : { source, target };
}
