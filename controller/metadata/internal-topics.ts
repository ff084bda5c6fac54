import { gapTopic } from '../../common/model/gap.js';
import type { Route } from '../../common/model/route.js';
import type { TargetNeed, TopicFact } from '../core/desired.js';

/** Dead letters may be there because they are too large elsewhere. */
const DEAD_LETTER_MAX_BYTES = 64 * 1024 * 1024;

/** Causeway's own topics at a route's target: gap records, compacted by key so that repetitions collapse, and refused records. */
export function internalTopics(route: Route, fleet: string): readonly Omit<TargetNeed, 'existing'>[] {
  const gaps = gapTopic(fleet);
  const needs = [{ route, topic: gaps, targetTopic: gaps, partitions: 1, configs: { 'cleanup.policy': 'compact' } }];
  const { deadLetterTopic } = route;
  if (route.onRefusedRecord !== 'dead-letter' || deadLetterTopic === undefined) return needs;
  const configs = { 'max.message.bytes': String(DEAD_LETTER_MAX_BYTES) };
  return [...needs, { route, topic: deadLetterTopic, targetTopic: deadLetterTopic, partitions: 1, configs }];
}

/** Those that are known to be missing. A route that leaves nothing out by itself and creates no topics can do without. */
export function missingInternalTopics(
  routes: Iterable<Route>,
  fleet: string,
  fact: (cluster: string, topic: string) => TopicFact,
): TargetNeed[] {
  const missing = new Map<string, TargetNeed>();
  for (const route of routes) {
    if (!route.targetTopics.create && route.onRefusedRecord === 'pause') continue;
    for (const need of internalTopics(route, fleet)) {
      if (fact(route.target, need.targetTopic).state !== 'absent') continue;
      missing.set(`${route.target}/${need.targetTopic}`, { ...need, existing: 0 });
    }
  }
  return [...missing.values()];
}
