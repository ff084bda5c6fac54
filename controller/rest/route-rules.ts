import { CausewayError } from '../../common/errors/error.js';
import { type FieldFault, RequestFault } from '../../common/http/problem.js';
import type { ClusterConnection } from '../../common/model/cluster.js';
import { deliveryFault } from '../../common/model/delivery.js';
import { mergesPartitions, writesDeadLetters } from '../../common/model/record-rules.js';
import { type Route, targetTopicOf } from '../../common/model/route.js';
import { topicNameFault } from '../../common/model/topic-partition.js';
import { rulesFaults } from '../../common/rules/faults.js';
import { missingSecrets } from '../../common/rules/program.js';
import { metricName } from '../core/conflicts.js';
import { schemaTopicFault } from '../core/schema-topic.js';
import { knownCluster } from '../metadata/cluster-clients.js';
import type { SourceMetadata } from '../metadata/ports.js';
import { registryMissing } from '../schemas/route-registries.js';

/**
 * What can be said against a route from the configuration alone.
 * @throws CLUSTER_UNKNOWN, ROUTE_INVALID
 */
export function checkRoute(route: Route, clusters: ReadonlyMap<string, ClusterConnection>): void {
  for (const cluster of [route.source, route.target]) knownCluster(clusters, cluster, { route: route.name });
  if (route.source === route.target) throw sameCluster(route, 'source and target are the same cluster');
  const fault = deliveryFault(route);
  if (fault !== undefined) {
    throw new CausewayError('ROUTE_INVALID', fault, {
      place: { route: route.name },
      fix:
        deliveryFault({ ...route, delivery: 'at-least-once' }) === undefined
          ? 'Use delivery transactional; or at-least-once, with repeats after a worker’s death.'
          : 'Use delivery transactional; while the route has topics its delivery cannot be changed.',
    });
  }
  checkRefusals(route);
  checkRegistries(route, clusters);
}

/** Both ends of what the registries' API keeps in step. @throws REGISTRY_MISSING, ROUTE_INVALID */
function checkRegistries(route: Route, clusters: ReadonlyMap<string, ClusterConnection>): void {
  const { name, schemas, schemaIds, source, target } = route;
  if (schemas?.mode === 'topic') checkSchemaTopic(route, []);
  if (schemaIds !== undefined) for (const cluster of [source, target]) expectRegistry(cluster, name, clusters);
  if (schemas?.mode !== 'api' && schemas?.mode !== 'report') return;
  const urls = [source, target].map((cluster) => {
    return expectRegistry(cluster, name, clusters);
  });
  if (urls[0] !== urls[1] || schemas.context !== undefined) return;
  throw new CausewayError(
    'ROUTE_INVALID',
    `both clusters use the schema registry ${urls[0]}: there is nothing to copy`,
    {
      place: { route: name, pointer: '/schemas' },
      fix: 'Leave schemas out.',
    },
  );
}

/** Its address. @throws REGISTRY_MISSING */
function expectRegistry(cluster: string, route: string, clusters: ReadonlyMap<string, ClusterConnection>): string {
  const url = clusters.get(cluster)?.schemaRegistry?.url;
  if (url === undefined) throw registryMissing(cluster, route);
  return url;
}

/** A registry's topic goes one way, by one route. @throws ROUTE_INVALID */
export function checkSchemaTopic(route: Route, others: readonly Route[]): void {
  const fault = schemaTopicFault(route, others);
  if (fault === undefined) return;
  throw new CausewayError('ROUTE_INVALID', fault, { place: { route: route.name, pointer: '/schemas' } });
}

/**
 * Everything that is wrong with a route's rules beyond their form, with pointers into the route's settings.
 * @throws ROUTE_INVALID
 */
export function checkRules({ rules, deadLetterTopic }: Route, secrets: ReadonlyMap<string, string>): void {
  if (rules === undefined) return;
  const faults: FieldFault[] = rulesFaults(rules).map(({ path, message }) => ({
    pointer: `/rules/${path.join('/')}`,
    detail: message,
  }));
  for (const name of missingSecrets(rules, secrets)) {
    faults.push({
      pointer: '/rules',
      detail: `the configuration’s ruleSecrets have no secret "${name}"; secrets are never given over REST`,
    });
  }
  if (writesDeadLetters(rules) && deadLetterTopic === undefined) {
    faults.push({
      pointer: '/deadLetterTopic',
      detail: 'onUnreadable is dead-letter, and deadLetterTopic is not set',
    });
  }
  const [first] = faults;
  if (first === undefined) return;
  throw new RequestFault('ROUTE_INVALID', `the rules have faults: ${first.pointer}: ${first.detail}`, faults);
}

function checkRefusals({ name, onRefusedRecord, deadLetterTopic }: Route): void {
  if (onRefusedRecord !== 'dead-letter' || deadLetterTopic !== undefined) return;
  throw new CausewayError('ROUTE_INVALID', 'onRefusedRecord is dead-letter, and deadLetterTopic is not set', {
    place: { route: name },
    fix: 'Name a topic at the target that takes the refused records.',
  });
}

/** Two names for one cluster are one cluster: seen by its id, where both answer. @throws ROUTE_INVALID */
export async function checkClusterIds(route: Route, metadata: SourceMetadata): Promise<void> {
  const ids = await Promise.all(
    [route.source, route.target].map(async (cluster) => {
      try {
        return (await metadata.describe(cluster, [])).clusterId;
      } catch {
        // Unreachable now: the route may be saved, and its topics wait.
        return null;
      }
    }),
  );
  if (ids[0] !== null && ids[0] === ids[1]) {
    throw sameCluster(route, `${route.source} and ${route.target} are the same cluster (cluster id ${ids[0]})`);
  }
}

function sameCluster(route: Route, message: string): CausewayError {
  return new CausewayError('ROUTE_INVALID', message, {
    place: { route: route.name },
    fix: 'Mirror into another cluster; records would come back as new ones.',
  });
}

/** The naming has to give each of the topics a legal target topic of its own. @throws ROUTE_INVALID */
export function checkTargetNames(route: Route, topics: readonly string[]): void {
  const taken = new Map<string, string>();
  for (const topic of topics) {
    const targetTopic = targetTopicOf(route, topic);
    const fault = topicNameFault(targetTopic);
    const rival = mergesPartitions(route.partitionMapping) ? undefined : taken.get(metricName(targetTopic));
    taken.set(metricName(targetTopic), topic);
    if (fault === undefined && rival === undefined) continue;
    const why =
      fault ?? `topic ${rival} would become ${targetTopicOf(route, rival ?? topic)}, which Kafka does not tell from it`;
    throw new CausewayError(
      'ROUTE_INVALID',
      `the naming makes ${targetTopic.slice(0, 249)} of topic ${topic}: ${why}`,
      {
        place: { route: route.name, topic },
        fix: 'Change the naming so that every topic has a legal target topic of its own.',
      },
    );
  }
}
