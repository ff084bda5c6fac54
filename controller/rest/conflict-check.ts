import type { CoordinationStore } from '../../common/coordination/ports.js';
import { decodeTopicEntry } from '../../common/coordination/records/desired.js';
import { topicPath } from '../../common/coordination/znodes.js';
import { CausewayError } from '../../common/errors/error.js';
import { type Route, targetTopicOf } from '../../common/model/route.js';
import { topicNameFault } from '../../common/model/topic-partition.js';

/** Steps along chains of routes before a topic is refused as hopelessly entangled. */
const MAX_STEPS = 1_000;

/** The source topic that the route would mirror into `targetTopic`, if there is one: the inverse of `targetTopicOf`. */
function sourceTopicOf(route: Route, targetTopic: string): string | undefined {
  switch (route.naming.policy) {
    case 'identity':
      return targetTopic;
    case 'default': {
      const prefix = `${route.source}${route.naming.separator}`;
      const topic = targetTopic.startsWith(prefix) ? targetTopic.slice(prefix.length) : '';
      return topicNameFault(topic) === undefined ? topic : undefined;
    }
  }
}

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
): Promise<void> {
  const targetTopic = targetTopicOf(route, topic);
  for (const other of routes) {
    if (other.name === route.name || other.target !== route.target) continue;
    if (other.delivery === 'transactional' && route.delivery === 'transactional') continue;
    const rival = sourceTopicOf(other, targetTopic);
    if (rival === undefined || !(await isMirrored(store, other.name, rival))) continue;
    const message = `topic ${targetTopic} of cluster ${route.target} is already the target of topic ${rival} on route ${other.name}`;
    throw conflict(route, topic, message, SHARE);
  }
  await checkLoops(store, routes, route, topic);
}

/** A retired topic is in nobody's way. */
async function isMirrored(store: CoordinationStore, route: string, topic: string): Promise<boolean> {
  const path = topicPath(route, topic);
  const node = await store.get(path);
  return node !== undefined && decodeTopicEntry(node.data, path).retired === undefined;
}

async function checkLoops(
  store: CoordinationStore,
  routes: readonly Route[],
  route: Route,
  topic: string,
): Promise<void> {
  const pending = [{ cluster: route.target, topic: targetTopicOf(route, topic) }];
  const seen = new Set<string>();
  for (let at = pending.pop(); at !== undefined && seen.size < MAX_STEPS; at = pending.pop()) {
    const key = `${at.cluster}\u0000${at.topic}`;
    if (seen.has(key)) continue;
    seen.add(key);
    for (const next of routes) {
      if (next.source !== at.cluster || !(await isMirrored(store, next.name, at.topic))) continue;
      const reached = { cluster: next.target, topic: targetTopicOf(next, at.topic) };
      if (reached.cluster === route.source && reached.topic === topic) {
        throw conflict(route, topic, `its records would come back over route ${next.name} and travel in circles`);
      }
      pending.push(reached);
    }
  }
}

const APART = 'Remove the other topic first, or use a route whose naming keeps the two apart.';
const SHARE = `${APART} Several sources may share a target topic when each of their routes has delivery transactional.`;

function conflict(route: Route, topic: string, message: string, fix = APART): CausewayError {
  return new CausewayError('TARGET_CONFLICT', message, { place: { route: route.name, topic }, fix });
}
