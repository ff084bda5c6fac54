import { defaultDelivery } from '../model/delivery.js';
import type { GroupSyncPolicy } from '../model/group-sync.js';
import type { Mm2Settings } from '../model/mm2.js';
import type { NamingPolicy, SimpleNaming } from '../model/naming.js';
import type { RateLimits, Route, TargetTopicPolicy } from '../model/route.js';
import type { TopicSelection } from '../model/selection.js';
import type { TopicSync } from '../model/topic-sync.js';
import { recordRulesFrom } from './record-rules-schema.js';
import { rightsFrom } from './rights.js';
import type { RouteSettings } from './route-schema.js';
import { schemaIdPolicyFrom, schemaPolicyFrom } from './schema-sync-schema.js';

type SimpleNamingSettings = Exclude<RouteSettings['naming'], { readonly policy: 'regex' | 'map' }>;

/** A route from its settings, as the file, PUT /api/v1/routes/{name} and the store give them. */
export function routeFromSettings(name: string, settings: RouteSettings): Route {
  const { create, replicationFactor, shared } = settings.targetTopics;
  const targetTopics: TargetTopicPolicy = {
    create,
    ...(replicationFactor === undefined ? {} : { replicationFactor }),
    ...(shared ? { shared } : {}),
  };
  const { source, target, naming, start, isolation, compression, onRefusedRecord } = settings;
  const { coalesceBelowBytes, deadLetterTopic, continuity, limits, zones, selection } = settings;
  return {
    name,
    source,
    target,
    naming: namingFrom(naming),
    delivery: settings.delivery ?? defaultDelivery({ targetTopics, ...treatmentFrom(settings) }),
    start,
    isolation,
    targetTopics,
    compression,
    ...(coalesceBelowBytes === undefined ? {} : { coalesceBelowBytes }),
    onRefusedRecord,
    ...(deadLetterTopic === undefined ? {} : { deadLetterTopic }),
    continuity: { ...continuity },
    limits: rateLimitsFrom(limits),
    ...(zones === undefined ? {} : { zones }),
    ...(selection === undefined ? {} : { selection: selectionFrom(selection) }),
    ...treatmentFrom(settings),
    ...(settings.groups === undefined ? {} : { groups: groupSyncFrom(settings.groups) }),
    ...(settings.mm2 === undefined ? {} : { mm2: mm2From(settings.mm2) }),
    ...(settings.metadata === 'manual' ? { metadata: 'manual' } : {}),
    topicSync: topicSyncFrom(settings.topicSync),
    ...rightsFrom(settings),
    ...(settings.schemas === undefined ? {} : { schemas: schemaPolicyFrom(settings.schemas) }),
  };
}

/** Its parts in one order. */
function topicSyncFrom({ configs, deletion }: RouteSettings['topicSync']): TopicSync {
  return { configs: { ...configs }, deletion: { ...deletion } };
}

/** Only the keys that are set, in one order. */
function namingFrom(naming: RouteSettings['naming']): NamingPolicy {
  switch (naming.policy) {
    case 'regex':
      return { ...naming, otherwise: simpleNamingFrom(naming.otherwise) };
    case 'map':
      return { ...naming, topics: { ...naming.topics }, otherwise: simpleNamingFrom(naming.otherwise) };
    default:
      return simpleNamingFrom(naming);
  }
}

function simpleNamingFrom(naming: SimpleNamingSettings): SimpleNaming {
  if (naming.policy !== 'identity') return { ...naming };
  const { policy, separator } = naming;
  return separator === undefined ? { policy } : { policy, separator };
}

/** Its parts in one order, as of what follows. */
function groupSyncFrom(groups: NonNullable<RouteSettings['groups']>): GroupSyncPolicy {
  const { include, exclude, intervalMs, renames, allowRewind, beforeMirror, untranslatable } = groups;
  return { include, exclude, intervalMs, renames, allowRewind, beforeMirror, untranslatable };
}

function mm2From({ replicationFactor, ...mm2 }: NonNullable<RouteSettings['mm2']>): Mm2Settings {
  return { ...mm2, ...(replicationFactor === undefined ? {} : { replicationFactor }) };
}

/** What is not said means that records pass as they are. */
export function treatmentFrom({
  rules,
  partitionMapping,
  provenance,
  schemaIds,
}: Pick<RouteSettings, 'rules' | 'partitionMapping' | 'provenance' | 'schemaIds'>): Pick<
  Route,
  'rules' | 'partitionMapping' | 'provenance' | 'schemaIds'
> {
  return {
    ...(rules === undefined ? {} : { rules: recordRulesFrom(rules) }),
    ...(partitionMapping === undefined || partitionMapping.to === 'identity' ? {} : { partitionMapping }),
    ...(provenance === true ? { provenance } : {}),
    ...(schemaIds === undefined ? {} : { schemaIds: schemaIdPolicyFrom(schemaIds) }),
  };
}

/** Only the bounds that are set. */
export function rateLimitsFrom(limits: { readonly [K in keyof RateLimits]: RateLimits[K] | undefined }): RateLimits {
  const { bytesPerS, recordsPerS } = limits;
  return {
    ...(bytesPerS === undefined ? {} : { bytesPerS }),
    ...(recordsPerS === undefined ? {} : { recordsPerS }),
  };
}

/** Its parts in one order, so that equal selections are equal texts. */
export function selectionFrom({ include, exclude, targetMustExist, onUnmatched }: TopicSelection): TopicSelection {
  return { include, exclude, targetMustExist, onUnmatched };
}
