import { createHash } from 'node:crypto';
import type { SchemaIdPolicy } from './schema-id-policy.js';

/*
 * What a route does to single records. Rules are pure functions of (source topic, partition, offset, record): whoever reads a record again
 * decides the same (exactly-once.md 6.5).
 */

export type Scalar = string | number | boolean | null;

/** How a subject is looked at; exactly one of them is given. */
export interface ValueTest {
  readonly exists?: boolean;
  readonly equals?: Scalar;
  readonly in?: readonly Scalar[];
  /** RE2, the whole text. */
  readonly matches?: string;
  readonly below?: string | number;
  readonly atMost?: string | number;
  readonly above?: string | number;
  readonly atLeast?: string | number;
}

export type RuleCondition =
  | { readonly all: readonly RuleCondition[] }
  | { readonly any: readonly RuleCondition[] }
  | { readonly not: RuleCondition }
  /** Keys and headers as UTF-8 text, timestamps in ms or as ISO 8601. */
  | ({ readonly on: 'key' | 'timestamp' } & ValueTest)
  /** A header's name, or the path of a field in the value or the key: `customer.address.city`, `items.*.price`. */
  | ({ readonly on: 'header' | 'field' | 'key-field'; readonly name: string } & ValueTest);

/** Whose fields an action is about; absent: the value's. */
interface OfPart {
  readonly part?: 'key' | 'value';
}

export type RuleAction =
  /** Copied; what follows is not asked. */
  | { readonly do: 'keep' }
  | { readonly do: 'drop' }
  /** This share of the records goes on, by a hash of where they are; the others are dropped. */
  | { readonly do: 'sample'; readonly fraction: number }
  /** Into another topic of the target instead, partition = source partition modulo `partitions`. */
  | { readonly do: 'route'; readonly topic: string; readonly partitions: number }
  | ({ readonly do: 'mask'; readonly fields: readonly string[]; readonly with: Scalar } & OfPart)
  /** SHA-256 in hexadecimal; with `hmac`, the name of a secret of the configuration, HMAC-SHA-256. */
  | ({ readonly do: 'hash'; readonly fields: readonly string[]; readonly hmac?: string } & OfPart)
  | ({ readonly do: 'remove'; readonly fields: readonly string[] } & OfPart)
  | {
      readonly do: 'set-key';
      readonly from: 'field' | 'header' | 'text' | 'hash';
      /** Of the field or header; the text itself. */
      readonly name?: string;
      readonly hmac?: string;
    }
  | { readonly do: 'add-header'; readonly name: string; readonly value: string }
  /** By their names, RE2. */
  | { readonly do: 'strip-headers'; readonly matching: readonly string[] };

export interface RecordRule {
  /** Unique within the route: counts are kept by it. */
  readonly name: string;
  /** Absent: every record. */
  readonly when?: RuleCondition;
  readonly action: RuleAction;
  /** Absent: as for all of the route's rules. */
  readonly onUnreadable?: UnreadablePolicy;
}

/** What becomes of a record that a rule has to look into, or to change, and cannot: it is neither JSON nor Avro of a known schema, or too large. */
export type UnreadablePolicy =
  /** The rule does not concern it; the next ones are asked. */
  | 'keep'
  | 'drop'
  /** To the route's deadLetterTopic, declared as a gap. */
  | 'dead-letter'
  /** The partition stops in front of it. */
  | 'pause';

/** What a rule did to a record that it concerned. */
export const RULE_OUTCOMES = ['kept', 'dropped', 'routed', 'changed', 'unreadable'] as const;
export type RuleOutcome = (typeof RULE_OUTCOMES)[number];

export interface RecordRules {
  readonly onUnreadable: UnreadablePolicy;
  /** Schemas, as JSON, of keys and values that are Avro without a schema's id in front. Absent: framed Avro, or JSON. */
  readonly avro?: { readonly key?: string; readonly value?: string };
  /** In this order, each on what the ones before left of the record. */
  readonly list: readonly RecordRule[];
}

/** Which target partition a source partition is copied into. */
export type PartitionMapping =
  /** The same number, and no other topic of the route. */
  | { readonly to: 'identity' }
  /** The same number; several of the route's topics may meet in one target topic. */
  | { readonly to: 'merge' }
  /** Number modulo `partitions`; topics may meet, too. */
  | { readonly to: 'modulo'; readonly partitions: number };

/** What a route's records go through beside copying. */
export interface Treatment {
  readonly rules?: RecordRules;
  readonly provenance?: true;
  /** Absent: ids of schemas stay as they are. */
  readonly schemaIds?: SchemaIdPolicy;
}

/** Of a route's rules as JSON: they are part of every assignment node that names the route. */
export const MAX_RULES_BYTES = 32 * 1024;
export const MAX_RULES = 100;

/** The version of a route that copies records as they are. */
const NO_RULES = 1;
const PROVENANCE_ALONE = 2;

/** Names what decides about records: another number means other decisions (exactly-once.md 4.1, 6.5). */
export function rulesVersionOf({ rules, provenance }: Treatment): number {
  if (rules === undefined) return provenance === true ? PROVENANCE_ALONE : NO_RULES;
  const known = versions.get(rules);
  const plain = known ?? digested(rules);
  if (known === undefined) versions.set(rules, plain);
  return provenance === true ? plain + 1 : plain;
}

/** Whether records fare differently, or go elsewhere, or are written otherwise: a partition goes over from one to the other at a barrier. */
export function treatsOtherwise(
  a: Treatment & { readonly deadLetterTopic?: string },
  b: Treatment & { readonly deadLetterTopic?: string },
): boolean {
  const others = ({ schemaIds, rules, deadLetterTopic }: typeof a): string =>
    JSON.stringify([schemaIds, rules !== undefined && writesDeadLetters(rules) ? deadLetterTopic : null]);
  return rulesVersionOf(a) !== rulesVersionOf(b) || others(a) !== others(b);
}

/** Asked for with every checkpoint. */
const versions = new WeakMap<RecordRules, number>();

function digested({ onUnreadable, list, avro }: RecordRules): number {
  const text = JSON.stringify([onUnreadable, list, ...(avro === undefined ? [] : [avro])]);
  // 48 bits, doubled to leave room for provenance, and never the numbers of those without.
  return PROVENANCE_ALONE + 1 + 2 * createHash('sha256').update(text).digest().readUIntBE(0, 6);
}

/** Records are decoded: looked into, or written with headers of ours. */
export function decodesRecords({ rules, provenance, schemaIds }: Treatment): boolean {
  return rules !== undefined || provenance === true || schemaIds !== undefined;
}

export function targetPartitionOf(mapping: PartitionMapping | undefined, partition: number): number {
  return mapping?.to === 'modulo' ? partition % mapping.partitions : partition;
}

/** Partitions that the target topic needs for the first `partitions` of the source's. */
export function targetPartitionsOf(mapping: PartitionMapping | undefined, partitions: number): number {
  return mapping?.to === 'modulo' ? Math.min(mapping.partitions, partitions) : partitions;
}

/** Several source partitions of the route may write into one target partition. */
export function mergesPartitions(mapping: PartitionMapping | undefined): boolean {
  return mapping !== undefined && mapping.to !== 'identity';
}

/** Topics of the target that rules send records to, with the partitions they need. */
export function divertedTopics({ rules }: Treatment): ReadonlyMap<string, number> {
  const topics = new Map<string, number>();
  for (const { action } of rules?.list ?? []) {
    if (action.do === 'route') topics.set(action.topic, Math.max(action.partitions, topics.get(action.topic) ?? 0));
  }
  return topics;
}

/** The route may write dead letters: of records that the target refuses, or that its rules cannot read. */
export function wantsDeadLetters({
  onRefusedRecord,
  rules,
}: { readonly onRefusedRecord: string } & Treatment): boolean {
  return onRefusedRecord === 'dead-letter' || (rules !== undefined && writesDeadLetters(rules));
}

/** Topics of the target that the route writes to beside those that it mirrors into: nothing may be mirrored there. */
export function asideTopics(
  route: Treatment & { readonly onRefusedRecord: string; readonly deadLetterTopic?: string },
): readonly string[] {
  const { deadLetterTopic } = route;
  const letters = deadLetterTopic !== undefined && wantsDeadLetters(route) ? [deadLetterTopic] : [];
  return [...new Set([...divertedTopics(route).keys(), ...letters])];
}

/** Whether a record that one of the rules cannot read may become a dead letter. */
export function writesDeadLetters({ onUnreadable, list }: RecordRules): boolean {
  return list.some((rule) => (rule.onUnreadable ?? onUnreadable) === 'dead-letter');
}

/** Whether a record that one of the rules cannot read may be dropped, or copied as if there were no such rule: neither can be put right afterwards. */
export function passesUnreadable({ onUnreadable, list }: RecordRules): boolean {
  return list.some((rule) => ['drop', 'keep'].includes(rule.onUnreadable ?? onUnreadable));
}
