import type { RulesTestView } from '../../common/api/rules-shapes.js';
import type { DecodedRecord } from '../../common/kafka/wire/records/record-codec.js';
import { type RecordRules, targetPartitionOf } from '../../common/model/record-rules.js';
import { type Route, targetTopicOf } from '../../common/model/route.js';
import { timeText } from '../../common/model/time-text.js';
import { type Part, SchemaWanted, Unreadable } from '../../common/rules/document.js';
import { type Decision, RuleProgram, RuleTally } from '../../common/rules/program.js';
import { Provenance, type RouteEnds } from '../../common/rules/provenance.js';
import type { PartReaders } from '../../common/rules/readers.js';
import type { RuleRecord } from '../../common/rules/record-in-hand.js';
import type { PartitionSample } from './record-samples.js';

/** Longer texts are cut. */
const MAX_SHOWN_CHARS = 1_000;

type TestedRecord = RulesTestView['records'][number];
type RuleCount = RulesTestView['counts'][number];

export interface Trial {
  readonly route: Route;
  readonly rules: RecordRules | undefined;
  readonly topic: string;
  readonly topicId: string | null;
  readonly secrets: ReadonlyMap<string, string>;
  readonly readers: PartReaders;
  /** Where the route tells origins; undefined: it does not, or the clusters did not tell who they are. */
  readonly ends: RouteEnds | undefined;
  readonly show: boolean;
}

/** What would become of real records: decided as the workers decide, and written nowhere. */
export class RulesTrial {
  readonly #trial: Trial;
  /** Ids that have to be looked up first: while there are some, nothing of this counts. */
  readonly wanted: Record<Part, Set<number>> = { key: new Set(), value: new Set() };
  readonly #counts = new Map<string, { -readonly [K in keyof RuleCount]: RuleCount[K] }>();

  constructor(trial: Trial) {
    this.#trial = trial;
  }

  get counts(): readonly RuleCount[] {
    return [...this.#counts.values()];
  }

  tried({ partition, records }: PartitionSample): readonly TestedRecord[] {
    const { rules, topic, topicId, secrets, ends, readers } = this.#trial;
    const place = { topic, topicId, partition };
    const program = rules === undefined ? undefined : new RuleProgram(rules, place, secrets, readers);
    const provenance = ends === undefined ? undefined : new Provenance(ends, place);
    return records.map((record) => this.#one(record, partition, program, provenance));
  }

  #one(
    record: DecodedRecord,
    partition: number,
    program: RuleProgram | undefined,
    provenance: Provenance | undefined,
  ): TestedRecord {
    const { key, value, offset, timestamp } = record;
    const tested = {
      partition,
      offset: String(offset),
      timestamp: timeOf(timestamp),
      keyBytes: key?.length ?? 0,
      valueBytes: value?.length ?? 0,
    };
    const before = this.#trial.show ? { before: this.#shown(record) } : {};
    if (provenance?.isReturning(record.headers) === true) {
      this.#count('', 'returned');
      return { ...tested, fate: 'returned', rules: [], target: null, ...before };
    }
    const tally = new RuleTally(program?.names ?? []);
    const decision: Decision = program?.decide(record, Number(offset), tally) ?? { kind: 'same' };
    const entries = tally.entries();
    for (const { rule, outcome } of entries) this.#count(rule, outcome);
    const rules = entries.map(({ rule }) => rule);
    return { ...tested, rules, ...before, ...this.#fate(decision, record, partition, provenance) };
  }

  #fate(
    decision: Decision,
    record: DecodedRecord,
    partition: number,
    provenance: Provenance | undefined,
  ): Pick<TestedRecord, 'fate' | 'target' | 'why' | 'after'> {
    const { route, topic, show } = this.#trial;
    const own = { topic: targetTopicOf(route, topic), partition: targetPartitionOf(route.partitionMapping, partition) };
    const after = (left: RuleRecord): Pick<TestedRecord, 'after'> => {
      if (!show) return {};
      const headers = provenance?.marked(record.headers, left.headers, Number(record.offset)) ?? left.headers;
      return { after: this.#shown({ ...contentOf(left), headers }) };
    };
    switch (decision.kind) {
      case 'same':
        return provenance === undefined
          ? { fate: 'copied', target: own }
          : { fate: 'changed', target: own, ...after(record) };
      case 'changed':
        return { fate: 'changed', target: own, ...after(decision.record) };
      case 'drop':
        return { fate: 'dropped', target: null };
      case 'route':
        return {
          fate: 'routed',
          target: { topic: decision.topic, partition: decision.partition },
          ...after(decision.record),
        };
      case 'unreadable': {
        const letters = decision.policy === 'dead-letter' ? route.deadLetterTopic : undefined;
        return {
          fate: 'unreadable',
          target: letters === undefined ? null : { topic: letters, partition: null },
          why: decision.why,
        };
      }
      case 'wanting':
        this.wanted[decision.part].add(decision.id);
        return { fate: 'unreadable', target: null };
    }
  }

  #shown({ key, value, headers }: Pick<RuleRecord, 'key' | 'value' | 'headers'>): NonNullable<TestedRecord['before']> {
    return {
      key: this.#text('key', key),
      value: this.#text('value', value),
      headers: headers.map(([name, content]) => ({ name: textOf(name) ?? '', value: textOf(content) })),
    };
  }

  /** Avro as JSON, where its schema is known. */
  #text(part: Part, bytes: Buffer | null): string | null {
    if (bytes === null || !isBinary(bytes, this.#trial.rules?.avro?.[part])) return textOf(bytes);
    try {
      return cut(this.#trial.readers[part](bytes).text());
    } catch (error) {
      if (error instanceof SchemaWanted) this.wanted[part].add(error.id);
      else if (!(error instanceof Unreadable)) throw error;
      return textOf(bytes);
    }
  }

  #count(rule: string, outcome: RuleCount['outcome']): void {
    const key = `${rule}/${outcome}`;
    const entry = this.#counts.get(key);
    if (entry === undefined) this.#counts.set(key, { rule, outcome, records: 1 });
    else entry.records += 1;
  }
}

function contentOf({ key, value }: RuleRecord): Pick<RuleRecord, 'key' | 'value'> {
  return { key, value };
}

function timeOf(timestamp: bigint): string | null {
  return timeText(Number(timestamp)) ?? null;
}

function textOf(bytes: Buffer | null): string | null {
  if (bytes === null) return null;
  const text = bytes.toString('utf8', 0, Math.min(bytes.length, MAX_SHOWN_CHARS * 4));
  return cut(text);
}

function cut(text: string): string {
  return text.length <= MAX_SHOWN_CHARS ? text : `${text.slice(0, MAX_SHOWN_CHARS)}…`;
}

/** With a schema's id in front, or a schema in the rules. */
function isBinary(bytes: Buffer, schema: string | undefined): boolean {
  return schema !== undefined || bytes[0] === 0;
}
