import type { CausewayError } from '../../common/errors/error.js';
import type { ConfigChange } from '../../common/kafka/wire/apis/incremental-alter-configs.js';
import {
  alterTopicConfigs,
  deleteTopicIncarnation,
  describeTopicConfigs,
} from '../../common/kafka/wire/operations/topic-admin.js';
import type { TopicConfigs } from '../../common/model/topic-config.js';
import type { ClusterClients } from '../metadata/cluster-clients.js';
import type { TopicAdmin } from './topic-ports.js';

/** At the configured clusters. */
export class KafkaTopicAdmin implements TopicAdmin {
  readonly #clients: Pick<ClusterClients, 'of'>;

  constructor(clients: Pick<ClusterClients, 'of'>) {
    this.#clients = clients;
  }

  async configs(cluster: string, topics: readonly string[]): Promise<ReadonlyMap<string, TopicConfigs>> {
    return await describeTopicConfigs(this.#clients.of(cluster), topics);
  }

  async alterConfigs(
    cluster: string,
    topics: ReadonlyMap<string, readonly ConfigChange[]>,
  ): Promise<ReadonlyMap<string, CausewayError>> {
    return await alterTopicConfigs(this.#clients.of(cluster), topics);
  }

  async deleteTopic(
    cluster: string,
    topic: { readonly topic: string; readonly topicId: string | null },
  ): Promise<'deleted' | 'absent'> {
    return await deleteTopicIncarnation(this.#clients.of(cluster), topic);
  }
}
