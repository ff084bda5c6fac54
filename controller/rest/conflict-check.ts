import type { CoordinationStore } from '../../common/coordination/ports.js';
import { decodeTopicEntry } from '../../common/coordination/records/desired.js';
import { decodeJob } from '../../common/coordination/records/job.js';
import { JOBS, jobPath, topicPath, topicsPath } from '../../common/coordination/znodes.js';
import { CausewayError } from '../../common/errors/error.js';
import { asideTopics, mergesPartitions } from '../../common/model/record-rules.js';
import { type Route, sourceTopicOf, targetTopicOf } from '../../common/model/route.js';
import { byName, type ClusterIdentity } from '../core/cluster-identity.js';
import { isGuardedPair, metricName } from '../core/conflicts.js';
import { isUnderWay } from '../jobs/job-parts.js';

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
      const mayShare = other.name !== route.name || mergesPartitions(route.partitionMapping);
      const share = mayShare && other.delivery === 'transactional';
      if (share && route.delivery === 'transactional') continue;
      const message = `topic ${targetTopic} of cluster ${route.target} is already the target of topic ${place}`;
      throw conflict(route, topic, message, other.name === route.name ? ONE_EACH : SHARE);
    }
  }
  const job = await jobInto(store, target, targetTopic, identity);
  if (job !== undefined) {
    const message = `job ${job} writes into topic ${targetTopic} of cluster ${route.target}`;
    throw conflict(route, topic, message, 'Wait for its end, or cancel it.');
  }
  for (const other of routes) {
    if (identity(other.target) !== target || !asideTopics(other).includes(targetTopic)) continue;
    const message = `route ${other.name} sends records aside to topic ${targetTopic} of cluster ${route.target}, and nothing may be mirrored there`;
    throw conflict(route, topic, message);
  }
  await checkLoops({ store, routes, route, topic, identity });
}

/**
 * Looks whether the route's rules, or its dead letters, would bring records into topics that something is mirrored into.
 * @throws TARGET_CONFLICT
 */
export async function checkDiversions(store: CoordinationStore, routes: readonly Route[], route: Route): Promise<void> {
  for (const topic of asideTopics(route)) {
    for (const other of [...routes.filter(({ name }) => name !== route.name), route]) {
      if (other.target !== route.target) continue;
      for (const rival of await rivalsOn(store, other, topic)) {
        if (targetTopicOf(other, rival) !== topic || !(await isMirrored(store, other.name, rival))) continue;
        const message = `it sends records aside to topic ${topic} of cluster ${route.target}, into which topic ${rival} is mirrored on route ${other.name}`;
        throw conflict(route, topic, message, 'Send them to a topic of their own.');
      }
    }
  }
}

/** The job under way that writes into the topic, or into one that Kafka would not tell from it. */
async function jobInto(
  store: CoordinationStore,
  target: string,
  targetTopic: string,
  identity: ClusterIdentity,
): Promise<string | undefined> {
  for (const id of (await store.children(JOBS)) ?? []) {
    const node = await store.get(jobPath(id));
    const job = node === undefined ? undefined : decodeJob(node.data, jobPath(id));
    if (job === undefined || !isUnderWay(job) || identity(job.target) !== target) continue;
    const names = job.topics.map((one) => metricName(one.targetTopic));
    if (names.includes(metricName(targetTopic))) return id;
  }
  return undefined;
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
        const isDirect = at.topic === targetTopicOf(route, topic) && seen.size === 1;
        if (isDirect && isGuardedPair({ route, topic }, { route: next, topic: at.topic })) continue;
        throw conflict(
          route,
          topic,
          `its records would come back over route ${next.name} and travel in circles`,
          CIRCLE,
        );
      }
      pending.push(reached);
    }
  }
}

const APART = 'Remove the other topic first, or use a route whose naming keeps the two apart.';
const CIRCLE =
  'Remove the other topic first. Two routes may mirror one topic name into each other where both have provenance and targetTopics.shared.';
const ONE_EACH = 'Give each topic of the route a target topic of its own: change the naming, or leave one of them out.';
const SHARE = `${APART} Several sources may share a target topic when each of their routes has delivery transactional.`;

function conflict(route: Route, topic: string, message: string, fix = APART): CausewayError {
  return new CausewayError('TARGET_CONFLICT', message, { place: { route: route.name, topic }, fix });
}
