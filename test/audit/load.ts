import { AuditCluster } from './audit-cluster.js';
import { IdempotentWriter } from './idempotent-writer.js';
import { PartitionLedger } from './ledger.js';
import { RecordMaker, type TopicShape } from './shapes.js';
import { TransactionalWriter } from './transactional-writer.js';
import type { PreparedBatch, TopicWriter } from './writer.js';

export interface LoadOptions {
  readonly bootstrapServers: string;
  /** Their topics must exist. */
  readonly shapes: readonly TopicShape[];
  /** Over all topics, divided by the shapes' shares. */
  readonly recordsPerS: number;
  /** Tells the records of this load from those of another one. */
  readonly run: number;
  /** The load ends by itself after so many records (default 5,000,000, which bounds the ledger's memory); without a ledger it does not. */
  readonly maxRecords?: number;
  /** False: nothing but counts is kept; what was written cannot be audited against it. */
  readonly keepsLedger?: boolean;
  /** How long a broker may take to answer; 30 s unless given. */
  readonly requestTimeoutMs?: number;
  /** The load fails when a topic cannot be written for so long; 30 s unless given. Not for transactions. */
  readonly giveUpMs?: number;
}

const DEFAULT_MAX_RECORDS = 5_000_000;
/** Records collect this long before they are written, as producers' linger does. */
const TICK_MS = 50;
/** Each tick writes to this part of a topic's partitions in turn, so that batches are not tiny. */
const TURNS = 4;

/** One topic's ledger, by partition. */
export interface TopicLedger {
  readonly shape: TopicShape;
  readonly partitions: readonly PartitionLedger[];
}

/**
 * Writes records of several shapes to a cluster at a steady rate, whatever the cluster does (open loop: what a slow answer
 * delayed is written right after it), and keeps account of what was acknowledged.
 */
export class Load {
  readonly #options: LoadOptions;
  readonly #cluster: AuditCluster;
  readonly #topics: TopicLoad[];
  readonly #startedAt: number;
  readonly #running: Promise<void>;
  #stopped = false;
  #failure: unknown;

  constructor(options: LoadOptions) {
    this.#options = options;
    this.#cluster = new AuditCluster(options.bootstrapServers, options.requestTimeoutMs);
    const shares = options.shapes.reduce((sum, { share }) => sum + share, 0);
    this.#topics = options.shapes.map(
      (shape) => new TopicLoad(shape, (options.recordsPerS * shape.share) / shares, options),
    );
    this.#startedAt = performance.now();
    this.#running = this.#run();
  }

  get ledgers(): readonly TopicLedger[] {
    return this.#topics;
  }

  /** Records written so far, whatever became of them. */
  get written(): number {
    return this.#topics.reduce((sum, topic) => sum + topic.written, 0);
  }

  writtenTo(topic: string): number {
    return this.#topics.find(({ shape }) => shape.topic === topic)?.written ?? 0;
  }

  /** Stops writing, waits for the last answers. @throws what made a topic's writer give up. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #run(): Promise<void> {
    const { keepsLedger = true, maxRecords = keepsLedger ? DEFAULT_MAX_RECORDS : Number.POSITIVE_INFINITY } =
      this.#options;
    const goesOn = (): boolean => !this.#stopped && this.#failure === undefined && this.written < maxRecords;
    const writing = this.#topics
      .filter(({ shape }) => shape.share > 0)
      .map(async (topic) => {
        const writer = this.#writerOf(topic.shape);
        try {
          await topic.run(writer, this.#startedAt, goesOn);
        } catch (error) {
          this.#failure ??= error;
        } finally {
          await writer.close();
        }
      });
    await Promise.all(writing);
    await this.#cluster.close();
  }

  #writerOf(shape: TopicShape): TopicWriter {
    if (shape.abortOneIn === undefined) return new IdempotentWriter(this.#cluster, shape, this.#options.giveUpMs);
    return new TransactionalWriter(this.#options.bootstrapServers, shape, `audit-${this.#options.run}-${shape.topic}`);
  }
}

class TopicLoad implements TopicLedger {
  readonly shape: TopicShape;
  readonly partitions: readonly PartitionLedger[];
  readonly #maker: RecordMaker;
  readonly #recordsPerS: number;
  #turn = 0;

  constructor(shape: TopicShape, recordsPerS: number, { run, keepsLedger }: LoadOptions) {
    this.shape = shape;
    this.partitions = Array.from({ length: shape.partitions }, () => new PartitionLedger(keepsLedger));
    this.#maker = new RecordMaker(shape, run);
    this.#recordsPerS = recordsPerS;
  }

  get written(): number {
    return this.partitions.reduce((sum, ledger) => sum + ledger.written, 0);
  }

  async run(writer: TopicWriter, startedAt: number, goesOn: () => boolean): Promise<void> {
    await writer.open();
    while (goesOn()) {
      const tickAt = performance.now();
      const due = Math.floor(((tickAt - startedAt) * this.#recordsPerS) / 1_000) - this.written;
      if (due > 0) {
        const outcomes = await writer.write(this.#prepare(due));
        for (const { batch, baseOffset, outcome } of outcomes) {
          const { partition, firstSequence, records } = batch;
          this.partitions[partition]?.settled({ baseOffset, firstSequence, count: records.length, outcome });
        }
      }
      const restMs = TICK_MS - (performance.now() - tickAt);
      if (restMs > 0) await new Promise((resolve) => setTimeout(resolve, restMs));
    }
  }

  #prepare(due: number): PreparedBatch[] {
    const perTurn = Math.ceil(this.shape.partitions / TURNS);
    const perBatch = Math.min(this.shape.batchRecords, Math.ceil(due / perTurn));
    const batches: PreparedBatch[] = [];
    const nowMs = Date.now();
    let left = due;
    for (let i = 0; i < perTurn && left > 0; i++) {
      const partition = this.#turn++ % this.shape.partitions;
      const ledger = this.partitions[partition] as PartitionLedger;
      const firstSequence = ledger.written;
      const records = Array.from({ length: Math.min(perBatch, left) }, (_, index) => {
        const record = this.#maker.make(partition, firstSequence + index, nowMs);
        ledger.wrote(record);
        return record;
      });
      left -= records.length;
      batches.push({ partition, firstSequence, records });
    }
    return batches;
  }
}
