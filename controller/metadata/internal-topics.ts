import { gapTopic } from '../../common/model/gap.js';
import { heartbeatTopic } from '../../common/model/heartbeat.js';
import { OFFSET_MAP_PARTITIONS, offsetMapTopic } from '../../common/model/offset-map.js';
import { divertedTopics, wantsDeadLetters } from '../../common/model/record-rules.js';
import type { Route } from '../../common/model/route.js';
import type { TargetNeed } from '../core/desired.js';
import type { TopicFact } from '../core/topic-facts.js';

/** Dead letters may be there because they are too large elsewhere. */
const DEAD_LETTER_MAX_BYTES = 64 * 1024 * 1024;
/** Nobody reads old ones. */
const HEARTBEAT_RETENTION_MS = 86_400_000;

/**
 * Causeway's own topics at a route's target: gap records and offset maps, compacted by key so that repetitions collapse, refused records, topics that its rules send records to, and,
 * where nothing may come twice, the partition where lanes renew their ids.
 */
export function internalTopics(route: Route, fleet: string): readonly Omit<TargetNeed, 'existing'>[] {
  const own = (topic: string, configs: Readonly<Record<string, string>>, partitions = 1) => {
    return { route, topic, targetTopic: topic, partitions, configs };
  };
  const needs = [
    own(gapTopic(fleet), { 'cleanup.policy': 'compact' }),
    own(offsetMapTopic(fleet), { 'cleanup.policy': 'compact' }, OFFSET_MAP_PARTITIONS),
  ];
  const { deadLetterTopic } = route;
  if (wantsDeadLetters(route) && deadLetterTopic !== undefined) {
    needs.push(own(deadLetterTopic, { 'max.message.bytes': String(DEAD_LETTER_MAX_BYTES) }));
  }
  for (const [topic, partitions] of divertedTopics(route)) needs.push(own(topic, {}, partitions));
  if (route.delivery !== 'at-least-once') {
    needs.push(
      own(heartbeatTopic(fleet), { 'cleanup.policy': 'delete', 'retention.ms': String(HEARTBEAT_RETENTION_MS) }),
    );
  }
  return needs;
}

/**
 * Those that are known to be missing. A route that leaves nothing out by itself and creates no topics can do without gap records, and one that
 * creates none without an offset map.
 */
export function missingInternalTopics(
  routes: Iterable<Route>,
  fleet: string,
  fact: (cluster: string, topic: string) => TopicFact,
): TargetNeed[] {
  const missing = new Map<string, TargetNeed>();
  for (const route of routes) {
    const wantsGaps = route.targetTopics.create || route.onRefusedRecord !== 'pause';
    for (const need of internalTopics(route, fleet)) {
      if (need.targetTopic === gapTopic(fleet) && !wantsGaps) continue;
      if (need.targetTopic === offsetMapTopic(fleet) && !route.targetTopics.create) continue;
      if (fact(route.target, need.targetTopic).state !== 'absent') continue;
      missing.set(`${route.target}/${need.targetTopic}`, { ...need, existing: 0 });
    }
  }
  return [...missing.values()];
}
