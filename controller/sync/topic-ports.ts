import type { CausewayError } from '../../common/errors/error.js';
import type { ConfigChange } from '../../common/kafka/wire/apis/incremental-alter-configs.js';
import type { Route, TopicEntry } from '../../common/model/route.js';
import type { TopicConfigs } from '../../common/model/topic-config.js';
import type { TopicProgress } from '../../common/model/topic-progress.js';

/** Configs and ends of topics, by cluster name. */
export interface TopicAdmin {
  /** All configs of each topic; one that is not there is missing in the answer. @throws KAFKA_ERROR, CLUSTER_UNREACHABLE... */
  configs(cluster: string, topics: readonly string[]): Promise<ReadonlyMap<string, TopicConfigs>>;
  /** @returns the topics that could not be changed */
  alterConfigs(
    cluster: string,
    topics: ReadonlyMap<string, readonly ConfigChange[]>,
  ): Promise<ReadonlyMap<string, CausewayError>>;
  /** This very incarnation. @throws KAFKA_ERROR, CLUSTER_UNREACHABLE... */
  deleteTopic(
    cluster: string,
    topic: { readonly topic: string; readonly topicId: string | null },
  ): Promise<'deleted' | 'absent'>;
}

/** What the store has about routes and topics, read when it is needed. */
export interface TopicWorld {
  routes(): Promise<readonly Route[]>;
  entry(route: string, topic: string): Promise<TopicEntry | undefined>;
  entries(route: string): Promise<readonly TopicEntry[]>;
  /** Topics of all its entries, without reading those. */
  names(route: string): Promise<readonly string[]>;
  /** Topics that the route mirrors or once mirrored. */
  remembered(route: string): Promise<readonly string[]>;
  progress(route: string, topic: string): Promise<TopicProgress | undefined>;
  /** The topic is gone at both ends: what was copied counts no more, and the route mirrors it no longer. */
  forget(route: string, topic: string): Promise<void>;
}
