import { isCausewayError } from '../../common/errors/error.js';
import { isRetired, type Route } from '../../common/model/route.js';
import type { TopicConfigs } from '../../common/model/topic-config.js';
import { DEFAULT_TOPIC_SYNC } from '../../common/model/topic-sync.js';
import { mapLimited } from '../../common/runtime/map-limited.js';
import { type ConfigRival, ConfigWords, type ConfigWriter, ConfigWriters } from '../core/config-words.js';
import type { ClusterIdentities } from '../metadata/cluster-identities.js';
import { configFilter } from '../metadata/topic-configs.js';
import type { TopicAdmin, TopicWorld } from './topic-ports.js';

const READ_CONCURRENCY = 32;

export interface ConfigRivalsDeps {
  readonly world: Pick<TopicWorld, 'routes' | 'names' | 'entry'>;
  readonly topics: Pick<TopicAdmin, 'configs'>;
  readonly identities: Pick<ClusterIdentities, 'learn'>;
}

/** Why a topic's config is another one's to write at the target; undefined: it is this one's. */
export type ConfigFaults = (topic: string, config: string) => string | undefined;

/** Who else writes configs of target topics: several who do not ask each other would undo each other's for ever. */
export class ConfigRivals {
  readonly #deps: ConfigRivalsDeps;

  constructor(deps: ConfigRivalsDeps) {
    this.#deps = deps;
  }

  /**
   * @param topics all that the route mirrors
   * @param differing of them, those whose target has other configs
   */
  async faults(route: Route, topics: readonly string[], differing: readonly string[]): Promise<ConfigFaults> {
    if (differing.length === 0) return () => undefined;
    const { world, identities } = this.#deps;
    const identity = await identities.learn();
    const others = (await world.routes()).filter((other) => other.name !== route.name && enforces(other));
    const named = await mapLimited(others, READ_CONCURRENCY, async (other) =>
      (await world.names(other.name)).map((topic) => ({ route: other, topic })),
    );
    const writers = new ConfigWriters([...named.flat(), ...topics.map((topic) => ({ route, topic }))], identity);
    const contenders = writers.contenders(differing.map((topic) => ({ route, topic })));
    if (contenders.length === 0) return () => undefined;
    const mirrored = await this.#mirrored(route, contenders);
    const writes = await this.#writes(mirrored);
    const words = new Map<string, ConfigWords>();
    return (topic, config) => {
      const word =
        words.get(config) ??
        new ConfigWords(
          mirrored.filter((writer) => writes(writer, config)),
          identity,
        );
      words.set(config, word);
      const rival = word.rivalOf({ route, topic });
      return rival === undefined ? undefined : faultText(route, rival);
    };
  }

  /** Without those that are retired, or removed meanwhile. */
  async #mirrored(route: Route, contenders: readonly ConfigWriter[]): Promise<readonly ConfigWriter[]> {
    const found = await mapLimited(contenders, READ_CONCURRENCY, async (writer) => {
      if (writer.route.name === route.name) return writer;
      const entry = await this.#deps.world.entry(writer.route.name, writer.topic);
      return entry === undefined || isRetired(entry) ? undefined : writer;
    });
    return found.filter((writer) => writer !== undefined);
  }

  /** Who would write a config: the source topic has it, and the route mirrors it. Whoever cannot be asked keeps the word over an outage. */
  async #writes(writers: readonly ConfigWriter[]): Promise<(writer: ConfigWriter, config: string) => boolean> {
    const clusters = [...new Set(writers.map(({ route }) => route.source))];
    const known = new Map<string, ReadonlyMap<string, TopicConfigs> | undefined>();
    await mapLimited(clusters, READ_CONCURRENCY, async (cluster) => {
      const topics = writers.filter(({ route }) => route.source === cluster).map(({ topic }) => topic);
      const configs = this.#deps.topics.configs(cluster, [...new Set(topics)]);
      const none: ReadonlyMap<string, TopicConfigs> = new Map();
      known.set(
        cluster,
        await configs.catch((error) => (isCausewayError(error, 'CLUSTER_UNKNOWN') ? none : undefined)),
      );
    });
    return ({ route, topic }, config) => {
      if (!configFilter(route)(config)) return false;
      const cluster = known.get(route.source);
      if (cluster === undefined) return true;
      const source = cluster.get(topic)?.get(config);
      return source !== undefined && source.value !== null && !source.isReadOnly && !source.isSensitive;
    };
  }
}

function enforces({ topicSync }: Route): boolean {
  return (topicSync ?? DEFAULT_TOPIC_SYNC).configs.mode === 'enforce';
}

function faultText({ name }: Route, { route, topic, isWayBack }: ConfigRival): string {
  if (route.name === name)
    return `topic ${topic} of this route is mirrored into it as well, and has the word; change the config there, or leave it out by topicSync.configs.exclude`;
  const how = isWayBack
    ? 'writes into the source topic, so that it has the word at both ends'
    : 'is mirrored into it as well, and has the word';
  return `topic ${topic} of route ${route.name} ${how}; change the config at that topic’s source, or set topicSync.configs.mode of route ${route.name} to report`;
}
