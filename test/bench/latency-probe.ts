import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type LatencyFigures, latencyFigures } from './latency-figures.js';
import { logEnds, RawBody, RawClient, rawApi } from './raw-client.js';
import { readStamps, StampedBatches } from './stamped-batch.js';

/** What one probe process does: it produces at one place and reads at another, with one clock. */
export interface ProbePlan {
  readonly produce: { readonly port: number; readonly topic: string };
  readonly read: { readonly port: number; readonly topic: string };
  readonly partitions: number;
  readonly recordBytes: number;
  readonly recordsPerS: number;
  /** Records born within so long are sent together. */
  readonly lingerMs: number;
  readonly warmupMs: number;
  readonly measureMs: number;
  /** How long to wait for the last records afterwards. */
  readonly drainMs: number;
  /** Tells this run's records from older ones. */
  readonly run: number;
}

export interface ProbeResult {
  readonly latency: LatencyFigures;
  /** Records per second that were really produced in the window. */
  readonly producedPerS: number;
  /** How late the generator itself was at worst, in ms: beyond a few, it is the machine that was measured. */
  readonly latestSendMs: number;
}

const mostInFlight = 5;
const maxRequestRecordsBytes = 900_000;
const tickMs = 1;
const fetchBytes = 16 << 20;
const fetchPartitionBytes = 4 << 20;
const fetchWaitMs = 500;

/** Born in the window: counted. */
interface Window {
  readonly fromMs: number;
  readonly toMs: number;
}

class Generator {
  readonly #plan: ProbePlan;
  readonly #client: RawClient;
  readonly #batches: StampedBatches;
  readonly #pending: number[][];
  readonly #window: Window;
  #inFlight = 0;
  #failure: Error | undefined;
  #turn = 0;
  #lastFlushMs = 0;
  counted = 0;
  latestSendMs = 0;

  constructor(plan: ProbePlan, client: RawClient, window: Window) {
    this.#plan = plan;
    this.#client = client;
    this.#window = window;
    this.#batches = new StampedBatches(plan.recordBytes, plan.run);
    this.#pending = Array.from({ length: plan.partitions }, () => []);
  }

  /** Births follow the schedule whatever becomes of earlier records: a mirror that lags does not slow its load down. */
  async run(): Promise<void> {
    const { recordsPerS, warmupMs, partitions, lingerMs } = this.#plan;
    const startMs = this.#window.fromMs - warmupMs;
    const isPunctual = lingerMs === 0;
    for (let born = 0; ; ) {
      const now = performance.now();
      if (this.#failure !== undefined) throw this.#failure;
      if (now >= this.#window.toMs) break;
      const due = Math.floor(((now - startMs) * recordsPerS) / 1_000);
      for (; born < due; born += 1) {
        const bornMs = startMs + ((born + 1) * 1_000) / recordsPerS;
        // Without linger a record is born when it is handed over, else when the schedule says: then it waits for its batch.
        const stampMs = isPunctual ? now : bornMs;
        this.#pending[this.#turn]?.push(stampMs);
        this.#turn = (this.#turn + 1) % partitions;
        if (stampMs >= this.#window.fromMs && stampMs < this.#window.toMs) {
          this.counted += 1;
          this.latestSendMs = Math.max(this.latestSendMs, now - bornMs);
        }
      }
      if (now - this.#lastFlushMs >= lingerMs) {
        this.#lastFlushMs = now;
        this.#flush();
      }
      await sleep(tickMs);
    }
    const giveUpAt = this.#window.toMs + this.#plan.drainMs;
    while (this.#pending.some((stamps) => stamps.length > 0) && performance.now() < giveUpAt) {
      this.#flush();
      await sleep(tickMs);
    }
  }

  #flush(): void {
    if (this.#inFlight >= mostInFlight) return;
    const { topic } = this.#plan.produce;
    const most = Math.max(1, Math.floor(maxRequestRecordsBytes / this.#plan.recordBytes / this.#plan.partitions));
    const batches = this.#pending.flatMap((stamps, partition) =>
      stamps.length === 0 ? [] : [{ partition, batch: this.#batches.build(stamps.splice(0, most)) }],
    );
    if (batches.length === 0) return;
    const body = new RawBody().int16(-1).int16(1).int32(10_000).int32(1).string(topic).int32(batches.length);
    for (const { partition, batch } of batches) body.int32(partition).int32(batch.length).raw(batch);
    this.#inFlight += 1;
    this.#client.request(rawApi.produce, body).then(
      (answer) => {
        this.#inFlight -= 1;
        this.#check(answer);
        if (this.#pending.some((stamps) => stamps.length > most)) this.#flush();
      },
      (error: unknown) => {
        this.#failure = error as Error;
      },
    );
  }

  /** topics [name, partitions [index, error, base offset, append time, log start]], throttle time. */
  #check(answer: Buffer): void {
    let at = 4;
    at += 2 + answer.readInt16BE(at);
    for (let left = answer.readInt32BE(at), start = at + 4; left > 0; left -= 1, start += 30) {
      const error = answer.readInt16BE(start + 4);
      if (error !== 0) this.#failure = new Error(`Produce: partition ${answer.readInt32BE(start)} answered ${error}`);
    }
  }
}

class Reader {
  readonly #plan: ProbePlan;
  readonly #client: RawClient;
  readonly #offsets: number[];
  readonly #window: Window;
  readonly #seenMs: Float64Array;
  #isStopped = false;
  seen = 0;

  constructor(plan: ProbePlan, client: RawClient, offsets: number[], window: Window) {
    this.#plan = plan;
    this.#client = client;
    this.#offsets = offsets;
    this.#window = window;
    this.#seenMs = new Float64Array(Math.ceil((plan.recordsPerS * plan.measureMs) / 1_000) + 1_000);
  }

  get latenciesMs(): Float64Array {
    return this.#seenMs.subarray(0, this.seen);
  }

  stop(): void {
    this.#isStopped = true;
  }

  async run(): Promise<void> {
    const { topic } = this.#plan.read;
    while (!this.#isStopped) {
      const body = new RawBody().int32(-1).int32(fetchWaitMs).int32(1).int32(fetchBytes).int8(0).int32(1).string(topic);
      body.int32(this.#offsets.length);
      this.#offsets.forEach((offset, partition) => {
        body.int32(partition).int64(offset).int32(fetchPartitionBytes);
      });
      const answer = await this.#client.request(rawApi.fetch, body);
      this.#take(answer, performance.now());
    }
  }

  /** throttle time, topics [name, partitions [index, error, high watermark, last stable offset, aborted, records]]. */
  #take(answer: Buffer, now: number): void {
    let at = 8;
    at += 2 + answer.readInt16BE(at);
    let left = answer.readInt32BE(at);
    for (at += 4; left > 0; left -= 1) {
      const partition = answer.readInt32BE(at);
      const error = answer.readInt16BE(at + 4);
      if (error !== 0) throw new Error(`Fetch: partition ${partition} answered ${error}`);
      at += 22 + 4 + Math.max(0, answer.readInt32BE(at + 22)) * 16;
      const end = at + 4 + Math.max(0, answer.readInt32BE(at));
      const offset = this.#offsets[partition] ?? 0;
      this.#offsets[partition] = readStamps(answer.subarray(at + 4, end), offset, (stampMs, run) => {
        if (run !== this.#plan.run || stampMs < this.#window.fromMs || stampMs >= this.#window.toMs) return;
        if (this.seen < this.#seenMs.length) this.#seenMs[this.seen++] = now - stampMs;
      });
      at = end;
    }
  }
}

async function probe(plan: ProbePlan): Promise<ProbeResult> {
  const [producer, consumer] = await Promise.all([RawClient.open(plan.produce.port), RawClient.open(plan.read.port)]);
  const offsets = await logEnds(consumer, plan.read.topic, plan.partitions);
  const fromMs = performance.now() + plan.warmupMs;
  const window = { fromMs, toMs: fromMs + plan.measureMs };
  const generator = new Generator(plan, producer, window);
  const reader = new Reader(plan, consumer, offsets, window);
  const reading = reader.run();
  await Promise.race([generator.run(), reading]);
  const drainedAt = performance.now() + plan.drainMs;
  while (reader.seen < generator.counted && performance.now() < drainedAt) await sleep(10);
  const waitedMs = performance.now() - window.toMs;
  reader.stop();
  await Promise.race([reading, sleep(2 * fetchWaitMs)]);
  const missing = Math.max(0, generator.counted - reader.seen);
  return {
    latency: latencyFigures(reader.latenciesMs, missing, waitedMs),
    producedPerS: Math.round((generator.counted * 1_000) / plan.measureMs),
    latestSendMs: Number(generator.latestSendMs.toFixed(1)),
  };
}

const [planFile, resultFile] = process.argv.slice(2);
if (planFile === undefined || resultFile === undefined) throw new Error('usage: latency-probe PLAN RESULT');
const result = await probe(JSON.parse(readFileSync(planFile, 'utf8')) as ProbePlan);
writeFileSync(resultFile, JSON.stringify(result));
// Sockets that wait for an answer would keep the process.
process.exit(0);
