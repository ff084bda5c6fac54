import type { DenseRecords } from '../../common/kafka/wire/records/recoded-batch.js';
import type { KafkaRecord } from '../../common/kafka/wire/records/record-codec.js';
import { type Rewritten, rewriteRecords } from '../../common/kafka/wire/records/rewrite.js';
import type { Part } from '../../common/rules/document.js';
import { type Decision, type RuleProgram, RuleTally } from '../../common/rules/program.js';
import type { Provenance } from '../../common/rules/provenance.js';
import type { RuleRecord } from '../../common/rules/record-in-hand.js';
import type { PartSchemas } from '../../common/schemas/schema-books.js';
import type { Aside } from '../core/asides.js';
import type { SchemaIds } from './schema-ids.js';

export interface TreatmentParts {
  readonly program: RuleProgram | undefined;
  readonly provenance: Provenance | undefined;
  readonly schemaIds: SchemaIds | undefined;
  /** Where the ids in front of keys and values can be looked up. */
  readonly books: Readonly<Record<Part, PartSchemas>>;
  /** Of the route, where what cannot be read may go there. */
  readonly deadLetters: { readonly topic: string; readonly origin: KafkaRecord['headers'] } | undefined;
}

/** What the rules have to say of one partition's records beside what is copied. */
export class Treatment {
  readonly #parts: TreatmentParts;

  constructor(parts: TreatmentParts) {
    this.#parts = parts;
  }

  /** Finds what these schema ids stand for, and what they are at the target. @throws SCHEMA_CONFLICT, REGISTRY_UNREACHABLE... */
  async learn({ translations, key, value }: WantedIds): Promise<void> {
    const { schemaIds, books } = this.#parts;
    if (translations.size > 0) await schemaIds?.learn(translations);
    for (const [ids, book] of [
      [key, books.key],
      [value, books.value],
    ] as const) {
      if (ids.size > 0 && !('missing' in book)) await book.learn(ids);
    }
  }

  /** For one source batch. */
  begin(): BatchTreatment {
    return new BatchTreatment(this.#parts);
  }
}

/** Schema ids that nobody has looked up yet: what they are at the target, and what those in front of keys and values stand for. */
export interface WantedIds extends Readonly<Record<Part, ReadonlySet<number>>> {
  readonly translations: ReadonlySet<number>;
}

/** A record in front of which the partition has to stop. */
export interface Stop {
  readonly offset: number;
  readonly message: string;
}

/** Applies rules and provenance to the records of one source batch, and keeps what goes elsewhere. */
export class BatchTreatment {
  readonly tally: RuleTally;
  readonly asides: Aside[] = [];
  /** Records that have been at the target before. */
  returned = 0;
  stop: Stop | undefined;
  /** While there are some, nothing of this counts. */
  readonly wanted = { translations: new Set<number>(), key: new Set<number>(), value: new Set<number>() };
  /** Of the record in hand. */
  readonly #unknown = new Set<number>();
  readonly #parts: TreatmentParts;

  constructor(parts: TreatmentParts) {
    this.#parts = parts;
    this.tally = new RuleTally(parts.program?.names ?? []);
  }

  /** Ids have to be looked up, and the batch read again. */
  get isWanting(): boolean {
    const { translations, key, value } = this.wanted;
    return translations.size + key.size + value.size > 0;
  }

  rewrite(records: DenseRecords): DenseRecords | undefined {
    return rewriteRecords(records, (record, offset) => this.#atTarget(record, offset));
  }

  /** Rules see the record with the ids that it has at the target. */
  #atTarget(record: KafkaRecord, offset: number): Rewritten {
    const { schemaIds } = this.#parts;
    if (schemaIds === undefined) return this.#treat(record, offset);
    const unknown = this.#unknown;
    const translated = schemaIds.translate(record, unknown);
    if (unknown.size > 0) {
      for (const id of unknown) this.wanted.translations.add(id);
      unknown.clear();
      // Rules would ask for what the source's id stands for at the target.
      return 'drop';
    }
    const treated = this.#treat(translated, offset);
    return treated === 'same' && translated !== record ? contentOf(translated) : treated;
  }

  #treat(record: KafkaRecord, offset: number): Rewritten {
    const { program, provenance } = this.#parts;
    if (this.stop !== undefined) return 'drop';
    if (provenance?.isReturning(record.headers) === true) {
      this.returned += 1;
      return 'drop';
    }
    if (program === undefined) return this.#left(record, record, offset) ?? 'same';
    const decision = program.decide(record, offset, this.tally);
    switch (decision.kind) {
      case 'same':
        return this.#left(record, record, offset) ?? 'same';
      case 'changed':
        return this.#left(record, decision.record, offset) ?? decision.record;
      case 'drop':
        return 'drop';
      case 'route': {
        const left = this.#left(record, decision.record, offset) ?? decision.record;
        this.#aside(offset, decision.topic, decision.partition, { ...contentOf(left), timestamp: record.timestamp });
        return 'drop';
      }
      case 'unreadable':
        return this.#unreadable(record, offset, decision);
      case 'wanting':
        this.wanted[decision.part].add(decision.id);
        return 'drop';
    }
  }

  /** With its origin, where the route tells it. */
  #left(found: KafkaRecord, left: RuleRecord, offset: number): Exclude<Rewritten, string> | undefined {
    const { provenance } = this.#parts;
    if (provenance === undefined) return undefined;
    const { key, value } = left;
    return { key, value, headers: provenance.marked(found.headers, left.headers, offset) };
  }

  #unreadable(
    record: KafkaRecord,
    offset: number,
    { rule, why, policy }: Extract<Decision, { readonly kind: 'unreadable' }>,
  ): Rewritten {
    const { deadLetters } = this.#parts;
    if (deadLetters === undefined || policy === 'pause') {
      this.stop = { offset, message: `rule ${rule} cannot read the record at offset ${offset}: ${why}` };
      return 'drop';
    }
    const headers = [
      ...record.headers,
      ...deadLetters.origin,
      header('causeway.offset', String(offset)),
      header('causeway.reason', 'unreadable'),
      header('causeway.rule', rule),
    ];
    this.#aside(offset, deadLetters.topic, null, { ...contentOf(record), headers, timestamp: record.timestamp });
    return 'drop';
  }

  /** In memory of its own: a few records must not hold a whole batch's. */
  #aside(offset: number, topic: string, partition: number | null, record: Aside['record']): void {
    const { key, value, headers, timestamp } = record;
    const own = (bytes: Buffer | null): Buffer | null => (bytes === null ? null : Buffer.from(bytes));
    this.asides.push({
      offset,
      topic,
      partition,
      record: {
        key: own(key),
        value: own(value),
        headers: headers.map(([name, content]) => [Buffer.from(name), own(content)] as const),
        timestamp,
      },
    });
  }
}

function contentOf({
  key,
  value,
  headers,
}: Pick<RuleRecord, 'key' | 'value' | 'headers'>): Omit<Aside['record'], 'timestamp'> {
  return { key, value, headers };
}

export function header(name: string, value: string): readonly [Buffer, Buffer] {
  return [Buffer.from(name), Buffer.from(value)];
}
