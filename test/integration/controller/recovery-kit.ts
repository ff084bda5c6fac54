import assert from 'node:assert/strict';
import type { CausewayClient } from '../../../common/api/client.js';
import { RecoveryClient } from '../../../common/api/recovery-client.js';
import type { RecoveryBody, RecoveryView } from '../../../common/api/recovery-shapes.js';
import { buildBatch } from '../../../common/kafka/wire/records/build-batch.js';
import { systemClock } from '../../../common/runtime/clock.js';
import { eventually, type TestCluster } from '../worker/thread-kit.js';

const STEP_MS = 60_000;

/** Writes single records to all partitions of a topic as fast as answers come, and remembers what was acknowledged. */
export class Producer {
  readonly acknowledged: string[][];
  /** Sent without an answer: they may be there or not. */
  readonly doubtful = new Set<string>();
  readonly #cluster: TestCluster;
  readonly #topic: string;
  readonly #prefix: string;
  readonly #pauseMs: number;
  #stopped = false;
  readonly #running: Promise<void>;

  constructor(cluster: TestCluster, topic: string, options: { partitions: number; prefix: string; pauseMs?: number }) {
    this.#cluster = cluster;
    this.#topic = topic;
    this.#prefix = options.prefix;
    this.#pauseMs = options.pauseMs ?? 0;
    this.acknowledged = Array.from({ length: options.partitions }, () => []);
    this.#running = Promise.all(this.acknowledged.map((_, partition) => this.#write(partition))).then(() => undefined);
  }

  get count(): number {
    return this.acknowledged.reduce((sum, list) => sum + list.length, 0);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async #write(partition: number): Promise<void> {
    for (let number = 0; !this.#stopped; number += 3) {
      const values = [0, 1, 2].map((i) => `${this.#prefix}-${partition}-${number + i}`);
      const timestamp = BigInt(systemClock.wallMs());
      const records = values.map((value) => {
        return { key: Buffer.from(`k${partition}`), value: Buffer.from(value), headers: [], timestamp };
      });
      try {
        await this.#cluster.append(this.#topic, partition, buildBatch(records));
        this.acknowledged[partition]?.push(...values);
      } catch {
        for (const value of values) this.doubtful.add(value);
        return;
      }
      if (this.#pauseMs > 0) await systemClock.sleep(this.#pauseMs);
    }
  }
}

export async function valuesOf(cluster: TestCluster, topic: string, partition: number): Promise<string[]> {
  return (await cluster.read(topic, partition)).map(({ value }) => value?.toString() ?? '');
}

/** Asks for a topic and waits until each of its partitions is copied: programs refuse to begin before the target has it. */
export async function mirrored(
  client: CausewayClient,
  wanted: { readonly route: string; readonly topic: string; readonly partitions: number },
): Promise<void> {
  await client.addTopic(wanted.route, { topic: wanted.topic });
  await eventually(`${wanted.topic} is copied`, async () => {
    const { partitions } = await client.describeTopic(wanted.route, wanted.topic);
    return partitions.length === wanted.partitions && partitions.every(({ state }) => state === 'running');
  });
}

/** Begins programs and waits for what becomes of them. */
export class Programs {
  readonly client: RecoveryClient;

  constructor(client: CausewayClient) {
    this.client = new RecoveryClient(client.transport);
  }

  async begin(body: RecoveryBody): Promise<string> {
    return (await this.client.begin(body)).id;
  }

  /** Waits until the program rests, or what is asked for is true of it. */
  async until(id: string, isThere: (view: RecoveryView) => boolean, limitMs = STEP_MS): Promise<RecoveryView> {
    const untilMs = systemClock.monotonicMs() + limitMs;
    for (;;) {
      const view = await this.client.get(id);
      if (isThere(view)) return view;
      const rests = view.state !== 'running' && view.state !== 'aborting';
      if (rests || systemClock.monotonicMs() > untilMs) assert.fail(JSON.stringify(brief(view), undefined, 1));
      await systemClock.sleep(50);
    }
  }

  done(id: string): Promise<RecoveryView> {
    return this.until(id, ({ state }) => state === 'done');
  }

  /** The step has been begun. */
  at(id: string, step: string): Promise<RecoveryView> {
    return this.until(id, ({ steps }) => steps.some((one) => one.id === step && one.attempts > 0));
  }
}

function brief({ state, steps, audit }: RecoveryView) {
  return {
    state,
    steps: steps
      .filter((step) => step.state !== 'pending')
      .map(({ id, state: at, message, evidence }) => ({ id, at, message, evidence })),
    audit: audit.slice(-5),
  };
}

export function stepOf(view: RecoveryView, id: string): RecoveryView['steps'][number] {
  const step = view.steps.find((one) => one.id === id);
  assert.ok(step !== undefined, `no step ${id}`);
  return step;
}
