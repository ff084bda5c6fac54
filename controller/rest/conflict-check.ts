import type { CoordinationStore } from '../../common/coordination/ports.js';
import { decodeTopicEntry } from '../../common/coordination/records/desired.js';
import { topicPath, topicsPath } from '../../common/coordination/znodes.js';
import { CausewayError } from '../../common/errors/error.js';
import { type Route, sourceTopicOf, targetTopicOf } from '../../common/model/route.js';
import { byName, type ClusterIdentity } from '../core/cluster-identity.js';
import { metricName } from '../core/conflicts.js';

/** Steps along chains of routes before a topic is refused as hopelessly entangled. */
const MAX_STEPS = 1_000;

/**
 * Looks whether mirroring the topic would give a target partition a second source (transactional routes may), or send records in circles. The planner checks
 * the same again over everything: two controllers may say yes to two operators at once.
 * @throws TARGET_CONFLICT
 */
export async function checkConflicts(
  store: CoordinationStore,
  routes: readonly Route[],
  route: Route,
  topic: string,
  identity: ClusterIdentity = byName,
): Promise<void> {
  const targetTopic = targetTopicOf(route, topic);
  const target = identity(route.target);
  if (identity(route.source) === target && targetTopic === topic) {
    const message = `clusters ${route.source} and ${route.target} are one cluster: the topic would be written into itself`;
    throw conflict(route, topic, message, 'Mirror into another cluster, or under another name.');
  }
  for (const other of routes) {
    if (identity(other.target) !== target) continue;
    for (const rival of await rivalsOn(store, other, targetTopic)) {
      if (other.name === route.name && rival === topic) continue;
      if (!(await isMirrored(store, other.name, rival))) continue;
      const taken = targetTopicOf(other, rival);
      const place = `${rival} on route ${other.name}`;
      if (taken !== targetTopic) {
        const message = `its target topic ${targetTopic} and ${taken}, the target of topic ${place}, differ only in "." and "_": Kafka does not take both`;
        throw conflict(route, topic, message);
      }
      const share = other.name !== route.name && other.delivery === 'transactional';
      if (share && route.delivery === 'transactional') continue;
      const message = `topic ${targetTopic} of cluster ${route.target} is already the target of topic ${place}`;
      throw conflict(route, topic, message, other.name === route.name ? ONE_EACH : SHARE);
    }
  }
  await checkLoops({ store, routes, route, topic, identity });
}

/** Topics of the route that its naming makes the target topic of, or one that Kafka would not tell from it; denied and retired ones as well. */
async function rivalsOn(store: CoordinationStore, route: Route, targetTopic: string): Promise<readonly string[]> {
  if (route.naming.policy === 'regex' || route.naming.policy === 'map') {
    const topics = (await store.children(topicsPath(route.name))) ?? [];
    return topics.filter((topic) => metricName(targetTopicOf(route, topic)) === metricName(targetTopic));
  }
  const spellings = new Set([targetTopic, targetTopic.replaceAll('.', '_'), targetTopic.replaceAll('_', '.')]);
  return [...spellings].flatMap((spelling) => {
    const topic = sourceTopicOf(route, spelling);
    return topic === undefined ? [] : [topic];
  });
}

/** A retired topic is in nobody's way. */
async function isMirrored(store: CoordinationStore, route: string, topic: string): Promise<boolean> {
  const path = topicPath(route, topic);
  const node = await store.get(path);
  return node !== undefined && decodeTopicEntry(node.data, path).retired === undefined;
}

async function checkLoops({
  store,
  routes,
  route,
  topic,
  identity,
}: {
  readonly store: CoordinationStore;
  readonly routes: readonly Route[];
  readonly route: Route;
  readonly topic: string;
  readonly identity: ClusterIdentity;
}): Promise<void> {
  const from = identity(route.source);
  const pending = [{ cluster: identity(route.target), topic: targetTopicOf(route, topic) }];
  const seen = new Set<string>();
  for (let at = pending.pop(); at !== undefined && seen.size < MAX_STEPS; at = pending.pop()) {
    const key = `${at.cluster}\u0000${at.topic}`;
    if (seen.has(key)) continue;
    seen.add(key);
    for (const next of routes) {
      if (identity(next.source) !== at.cluster || !(await isMirrored(store, next.name, at.topic))) continue;
      const reached = { cluster: identity(next.target), topic: targetTopicOf(next, at.topic) };
      if (reached.cluster === from && reached.topic === topic) {
        throw conflict(route, topic, `its records would come back over route ${next.name} and travel in circles`);
      }
      pending.push(reached);
    }
  }
}

const APART = 'Remove the other topic first, or use a route whose naming keeps the two apart.';
const ONE_EACH = 'Give each topic of the route a target topic of its own: change the naming, or leave one of them out.';
const SHARE = `${APART} Several sources may share a target topic when each of their routes has delivery transactional.`;

function conflict(route: Route, topic: string, message: string, fix = APART): CausewayError {
  return new CausewayError('TARGET_CONFLICT', message, { place: { route: route.name, topic }, fix });
}
