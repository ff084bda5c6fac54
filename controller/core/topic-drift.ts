import type { ConfigPlanItem, TopicPlanItem } from '../../common/model/plan-item.js';
import { mergesPartitions } from '../../common/model/record-rules.js';
import { type Route, targetTopicOf } from '../../common/model/route.js';
import type { TopicConfigs } from '../../common/model/topic-config.js';
import { DEFAULT_TOPIC_SYNC } from '../../common/model/topic-sync.js';
import { type ConfigDifference, configDifferences } from './config-diff.js';
import { neededPartitions } from './desired.js';

/** A topic as its cluster's metadata shows it. */
export interface DriftTopic {
  readonly topicId: string | null;
  readonly partitions: number;
  readonly replicationFactor: number;
}

/** `absent`: the cluster says that it has none; `unknown`: it could not tell. */
export type DriftFact = DriftTopic | 'absent' | 'unknown';

export interface DriftQuestion {
  readonly route: Route;
  readonly topic: string;
  readonly source: DriftFact;
  readonly target: DriftFact;
  /** Undefined: they were not read. */
  readonly configs: { readonly source: TopicConfigs; readonly target: TopicConfigs } | undefined;
  readonly targetBrokers: number;
  readonly isMirroredConfig: (config: string) => boolean;
  /** Why another topic's route is to write this config, and not this one; undefined: this one. Asked where it differs. */
  readonly configFault: (config: string) => string | undefined;
  /** Why the target topic may not be deleted with its source; undefined: it may. Asked when the source topic is gone. */
  readonly deletionFault: () => string | undefined;
}

/** What differs between a mirrored topic and its copy. Pure. */
export function topicDrift(question: DriftQuestion): (TopicPlanItem | ConfigPlanItem)[] {
  const { source, target } = question;
  if (source === 'unknown' || target === 'unknown') return [];
  if (source === 'absent') return target === 'absent' ? [] : [deletionItem(question)];
  if (target === 'absent') return [creationItem(question, source)];
  const differences = differencesOf(question);
  return [
    ...partitionItems(question, source, target),
    ...factorItems(question, source, target),
    ...differences.map((difference) => configItem(question, difference)),
    ...retentionItems(question, differences),
  ];
}

/** Replication factor of a target topic that is made. */
export function replicationFactorOf({ targetTopics }: Route, sourceFactor: number, targetBrokers: number): number {
  return targetTopics.replicationFactor ?? Math.min(Math.max(1, sourceFactor), Math.max(1, targetBrokers));
}

function itemOf({ route, topic }: DriftQuestion) {
  return { cluster: route.target, topic: targetTopicOf(route, topic), sourceTopic: topic };
}

function creationItem(question: DriftQuestion, source: DriftTopic): TopicPlanItem {
  const { route, targetBrokers } = question;
  const partitions = neededPartitions(route, source.partitions);
  const factor = replicationFactorOf(route, source.replicationFactor, targetBrokers);
  const applies = route.targetTopics.create;
  const reason = applies
    ? 'the target has no such topic'
    : 'the target has no such topic, and targetTopics.create is false';
  return {
    ...itemOf(question),
    ...{ kind: 'topic-create', action: applies ? 'create' : 'report', before: null, reason, applies },
    after: `${partitions} partitions, replication factor ${factor}`,
  };
}

function partitionItems(question: DriftQuestion, source: DriftTopic, target: DriftTopic): TopicPlanItem[] {
  const { route } = question;
  const needed = neededPartitions(route, source.partitions);
  const before = String(target.partitions);
  if (target.partitions < needed) {
    const applies = route.targetTopics.create;
    const reason = `the source topic has ${source.partitions}${applies ? '' : ', and targetTopics.create is false'}`;
    const action = applies ? 'change' : 'report';
    return [{ ...itemOf(question), kind: 'partitions', action, before, after: String(needed), reason, applies }];
  }
  // Topics that meet there may be of different sizes.
  if (target.partitions === needed || mergesPartitions(route.partitionMapping)) return [];
  const reason = `the source topic has ${source.partitions}: producers by key deal records out over more partitions here than there`;
  const extra = { kind: 'partitions-extra', action: 'report', after: String(needed), applies: false } as const;
  return [{ ...itemOf(question), ...extra, before, reason }];
}

function factorItems(question: DriftQuestion, source: DriftTopic, target: DriftTopic): TopicPlanItem[] {
  const { route, targetBrokers } = question;
  const wanted = replicationFactorOf(route, source.replicationFactor, targetBrokers);
  if (target.replicationFactor === wanted) return [];
  const reason = 'a partition reassignment at the target would change it; that is left to its operators';
  const factor = { kind: 'replication-factor', action: 'report', applies: false } as const;
  return [{ ...itemOf(question), ...factor, before: String(target.replicationFactor), after: String(wanted), reason }];
}

function deletionItem(question: DriftQuestion): TopicPlanItem {
  const { route, deletionFault } = question;
  const { policy } = (route.topicSync ?? DEFAULT_TOPIC_SYNC).deletion;
  const fault = policy === 'delete' ? deletionFault() : `topicSync.deletion.policy is ${policy}`;
  const applies = fault === undefined;
  const gone = `cluster ${route.source} has topic ${question.topic} no more`;
  return {
    ...itemOf(question),
    ...{ kind: 'topic-delete', action: applies ? 'delete' : 'report', before: 'present', after: null, applies },
    reason: fault === undefined ? gone : `${gone}; it stays: ${fault}`,
  };
}

function differencesOf({ route, configs, isMirroredConfig: isMirrored }: DriftQuestion): ConfigDifference[] {
  const { mode, useDefaultsFrom } = (route.topicSync ?? DEFAULT_TOPIC_SYNC).configs;
  return configs === undefined || mode === 'off' ? [] : configDifferences({ ...configs, useDefaultsFrom, isMirrored });
}

function configItem(question: DriftQuestion, difference: ConfigDifference): ConfigPlanItem {
  const { name, before, after, left } = difference;
  const isReport = (question.route.topicSync ?? DEFAULT_TOPIC_SYNC).configs.mode === 'report';
  const why = left ?? (isReport ? 'topicSync.configs.mode is report' : question.configFault(name));
  const applies = why === undefined;
  const reason = why === undefined ? difference.reason : `${difference.reason}; left alone: ${why}`;
  return {
    ...itemOf(question),
    kind: 'config',
    name,
    action: applies ? 'change' : 'report',
    before,
    after,
    reason,
    applies,
  };
}

const RETENTIONS = ['retention.ms', 'retention.bytes'];

/** Where a change of the config itself is told, this has nothing to add. */
function retentionItems(question: DriftQuestion, differences: readonly ConfigDifference[]): TopicPlanItem[] {
  const { configs } = question;
  if (configs === undefined || configs.target.get('cleanup.policy')?.value?.includes('delete') === false) return [];
  return RETENTIONS.flatMap((name): TopicPlanItem[] => {
    const before = configs.target.get(name)?.value;
    const after = configs.source.get(name)?.value;
    if (typeof before !== 'string' || typeof after !== 'string') return [];
    if (differences.some((difference) => difference.name === name) || boundOf(before) >= boundOf(after)) return [];
    const reason = `${name}: records are deleted earlier here than at the source`;
    const shorter = { kind: 'retention-shorter', action: 'report', applies: false } as const;
    return [{ ...itemOf(question), ...shorter, before, after, reason }];
  });
}

/** Kafka's -1: no bound. */
function boundOf(value: string): number {
  const bound = Number(value);
  return bound < 0 ? Number.POSITIVE_INFINITY : bound;
}
