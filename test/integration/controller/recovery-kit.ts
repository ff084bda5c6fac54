import assert from 'node:assert/strict';
import type { Admin } from 'kafkajs';
import type { CausewayClient } from '../../../common/api/client.js';
import { RecoveryClient } from '../../../common/api/recovery-client.js';
import type { RecoveryBody, RecoveryView } from '../../../common/api/recovery-shapes.js';
import { buildBatch } from '../../../common/kafka/wire/records/build-batch.js';
import { systemClock } from '../../../common/runtime/clock.js';
import { kafkaOf } from '../../audit/topics.js';
import { committedRecords } from '../worker/committed-log.js';
import { eventually, type TestCluster } from '../worker/thread-kit.js';

/** Longer than a step itself may take by the options that the tests give it. */
const STEP_MS = 120_000;

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

/** As a read_committed consumer reads them. */
export async function committedValues(cluster: TestCluster, topic: string, partition: number): Promise<string[]> {
  const records = await committedRecords(cluster.connection.bootstrap, topic, partition);
  return records.map(({ value }) => value?.toString() ?? '');
}

/** All that is in the log, aborted transactions too. */
export async function valuesOf(cluster: TestCluster, topic: string, partition: number): Promise<string[]> {
  return (await cluster.read(topic, partition)).map(({ value }) => value?.toString() ?? '');
}

async function withAdmin<T>(cluster: TestCluster, use: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = kafkaOf(cluster.connection.bootstrap.join(',')).admin();
  await admin.connect();
  try {
    return await use(admin);
  } finally {
    await admin.disconnect();
  }
}

/** Positions of a consumer group, by partition. */
export type Positions = Readonly<Record<number, number>>;

export interface GroupPlace {
  readonly groupId: string;
  readonly topic: string;
}

export async function setPositions(cluster: TestCluster, place: GroupPlace, offsets: Positions): Promise<void> {
  const partitions = Object.entries(offsets).map(([partition, offset]) => {
    return { partition: Number(partition), offset: String(offset) };
  });
  await withAdmin(cluster, (admin) => admin.setOffsets({ ...place, partitions }));
}

export async function positionsOf(cluster: TestCluster, { groupId, topic }: GroupPlace): Promise<Positions> {
  const found = await withAdmin(cluster, (admin) => admin.fetchOffsets({ groupId, topics: [topic] }));
  const known = (found[0]?.partitions ?? []).filter(({ offset }) => offset !== '-1');
  return Object.fromEntries(known.map(({ partition, offset }) => [partition, Number(offset)]));
}

export interface FailbackAudit {
  readonly east: TestCluster;
  readonly west: TestCluster;
  readonly topic: string;
  /** Of the old source until it was lost, with values that begin with `e-`; of the target after that, with `w-`. */
  readonly before: Producer;
  readonly after: Producer;
  readonly done: RecoveryView;
}

/** What crossed is at both ends once and in order, what did not is listed exactly, and nothing else came back. @returns stranded records */
export async function auditFailback({ east, west, topic, before, after, done }: FailbackAudit): Promise<number> {
  let stranded = 0;
  for (const [partition, acknowledged] of before.acknowledged.entries()) {
    const ranges = done.stranded.find((one) => one.partition === partition)?.ranges ?? [];
    const isStranded = (offset: bigint): boolean =>
      ranges.some(({ from, to }) => offset >= BigInt(from) && offset <= BigInt(to));
    const eastern = (await east.read(topic, partition)).map(({ offset, value }) => {
      return { value: value?.toString() ?? '', isLost: isStranded(offset) };
    });
    const western = await valuesOf(west, topic, partition);
    const values = (isLost: boolean): string[] =>
      eastern.filter((one) => one.isLost === isLost).map(({ value }) => value);
    const lost = values(true);
    assert.equal(lost.length, done.stranded.find((one) => one.partition === partition)?.records ?? 0);
    assert.deepEqual(western, values(false), 'all but the stranded are the same at both ends, once, in order');
    assert.equal(new Set(western).size, western.length);
    const sure = (list: readonly string[]): string[] => list.filter((value) => !before.doubtful.has(value));
    const found = sure(eastern.map(({ value }) => value).filter((value) => value.startsWith('e-')));
    assert.deepEqual(found, acknowledged, 'the old source lost nothing that it had acknowledged');
    const crossed = western.filter((value) => value.startsWith('e-'));
    assert.deepEqual(sure([...crossed, ...lost]), acknowledged, 'crossed and stranded together are all');
    const own = western.filter((value) => value.startsWith('w-'));
    assert.deepEqual(own, after.acknowledged[partition]);
    assert.deepEqual(await valuesOf(west, `${topic}.stranded`, partition), lost, 'the quarantine has them');
    stranded += lost.length;
  }
  return stranded;
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
