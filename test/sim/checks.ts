import { scanBatches } from '../../common/kafka/wire/records/batch-scan.js';
import { recordsOf, verifyCrc, walkRecords } from '../../common/kafka/wire/records/record-codec.js';
import type { Partition, PartitionListener } from './kafka/partition.js';
import type { Entry } from './kafka/partition-log.js';
import type { Trace } from './kernel/trace.js';

/** What must never be, and was. */
export class Violation extends Error {
  readonly kind: string;

  constructor(kind: string, message: string) {
    super(message);
    this.kind = kind;
  }
}

interface Line {
  readonly base: number;
  readonly texts: readonly string[];
}

/** The records of one partition's log, without markers. */
class Texts {
  #lines: Line[] = [];
  #count = 0;

  get count(): number {
    return this.#count;
  }

  at(index: number): string | undefined {
    let from = 0;
    for (const { texts } of this.#lines) {
      if (index < from + texts.length) return texts[index - from];
      from += texts.length;
    }
    return undefined;
  }

  add(base: number, texts: readonly string[]): void {
    this.#lines.push({ base, texts });
    this.#count += texts.length;
  }

  truncate(end: number): void {
    this.#lines = this.#lines.filter(({ base }) => base < end);
    this.#count = this.#lines.reduce((sum, { texts }) => sum + texts.length, 0);
  }
}

/** Compares each record that the target stores with the source's record of the same rank: it must be that one, and the next in turn. */
export class RecordCheck {
  readonly #trace: Trace;
  readonly #source = new Map<string, Texts>();
  readonly #target = new Map<string, Texts>();
  readonly #failed: (violation: Violation) => void;

  constructor(trace: Trace, failed: (violation: Violation) => void) {
    this.#trace = trace;
    this.#failed = failed;
  }

  get sourceListener(): PartitionListener {
    return {
      appended: (partition, entry) => of(this.#source, partition).add(entry.base, textsOf(entry)),
      truncated: (partition, end) => this.#truncated('source', this.#source, partition, end),
    };
  }

  get targetListener(): PartitionListener {
    return {
      appended: (partition, entry) => this.#stored(partition, entry),
      truncated: (partition, end) => this.#truncated('target', this.#target, partition, end),
    };
  }

  /** Partitions whose target does not hold all of the source yet. */
  behind(): string[] {
    return [...this.#source].flatMap(([key, { count }]) => {
      const copied = this.#target.get(key)?.count ?? 0;
      return copied === count ? [] : [`${key} ${copied}/${count}`];
    });
  }

  #truncated(side: string, texts: Map<string, Texts>, partition: Partition, end: number): void {
    this.#trace.tell(side, `${partition.key} loses what lies behind ${end}`);
    of(texts, partition).truncate(end);
  }

  #stored(partition: Partition, entry: Entry): void {
    const { key } = partition;
    const { base, producerId, producerEpoch, baseSequence, isControl } = entry;
    const who = `pid ${producerId}/${producerEpoch}`;
    if (isControl) {
      this.#trace.tell('target', `${key}@${base} marker of ${who}`);
      return;
    }
    const texts = textsOf(entry);
    this.#trace.tell('target', `${key}@${base} ${texts.join(' ')} of ${who} from ${baseSequence}`);
    const source = this.#source.get(key);
    // Causeway's own topics have no source.
    if (source === undefined) return;
    const target = of(this.#target, partition);
    for (const [index, text] of texts.entries()) {
      const expected = source.at(target.count + index);
      if (text === expected) continue;
      const message = `${key}@${base + index}: stored ${text}, ${expected ?? 'nothing'} was due, by ${who}`;
      this.#failed(new Violation('records', message));
      break;
    }
    target.add(base, texts);
  }
}

function of(texts: Map<string, Texts>, { key }: Partition): Texts {
  let found = texts.get(key);
  if (found === undefined) {
    found = new Texts();
    texts.set(key, found);
  }
  return found;
}

/** @throws BATCH_CORRUPT: its checksum is not that of its bytes */
function textsOf({ bytes }: Entry): string[] {
  const batch = scanBatches(bytes);
  if (!batch.next()) throw new Violation('records', 'a batch is cut off');
  verifyCrc(batch);
  const texts: string[] = [];
  walkRecords(recordsOf(batch), batch.recordCount, ({ buffer, valueStart, valueLength }) => {
    texts.push(buffer.toString('latin1', valueStart, valueStart + valueLength));
  });
  return texts;
}
