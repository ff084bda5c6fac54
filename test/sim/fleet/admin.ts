import { CausewayError } from '../../../common/errors/error.js';
import type { TargetAdmin } from '../../../controller/metadata/ports.js';
import type { KafkaCluster } from '../kafka/cluster.js';
import type { Actor } from '../kernel/actor.js';
import type { Surroundings } from './process.js';

const ADMIN_MS = [5, 60] as const;
const TIMEOUT_MS = 1_500;

/** What the leader does to topics, in the place of the admin client. */
export function adminOf(actor: Actor, { network, source, target }: Surroundings): TargetAdmin {
  const clusters = new Map([source, target].map((cluster) => [cluster.name, cluster]));
  const at = async <T>(name: string, act: (cluster: KafkaCluster) => T): Promise<T> => {
    const cluster = clusters.get(name);
    if (cluster === undefined || !network.reaches(actor, name)) {
      await actor.clock.sleep(TIMEOUT_MS);
      throw new CausewayError('CLUSTER_UNREACHABLE', 'no broker answers', { place: { cluster: name } });
    }
    await actor.clock.sleep(actor.dice.between(...ADMIN_MS));
    const result = act(cluster);
    await actor.clock.sleep(actor.dice.between(...ADMIN_MS));
    return result;
  };
  return {
    createTopics: (name, topics) =>
      at(name, (cluster) => {
        for (const { topic, partitions } of topics) if (!cluster.topics.has(topic)) cluster.create(topic, partitions);
        return new Map();
      }),
    createPartitions: (name, topic, partitions) =>
      at(name, (cluster) => {
        const known = cluster.topics.get(topic);
        if (known !== undefined) cluster.grow(known, partitions);
      }),
    topicConfigs: (name, topics) => at(name, () => new Map(topics.map((topic) => [topic, {}]))),
  };
}
