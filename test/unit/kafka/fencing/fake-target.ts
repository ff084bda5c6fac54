import type { FencingClient, LaneIdentity } from '../../../../common/kafka/fencing/fencing-client.js';
import { API_SPECS, ApiKey } from '../../../../common/kafka/wire/api-keys.js';
import { ClusterClient } from '../../../../common/kafka/wire/cluster-client.js';
import { Reader } from '../../../../common/kafka/wire/reader.js';
import { Writer } from '../../../../common/kafka/wire/writer.js';
import { partitionKey, type TopicPartition } from '../../../../common/model/topic-partition.js';
import { silentLogger } from '../../../../common/observability/logger.js';
import { type Clock, systemClock } from '../../../../common/runtime/clock.js';
import { seededRandom } from '../../../../common/runtime/random.js';
import { FakeBroker, type FakeRequest } from '../wire/fake-broker.js';

export const LANE: LaneIdentity = { transactionalId: 'causeway.f.w.i.0', producerId: 7n, producerEpoch: 3 };

/** What happens to one request instead of the usual: another code, or a connection cut before or after it was carried out. */
export type Mishap = number | 'lost-before' | 'lost-after' | 'silent' | undefined;

export interface Asked {
  readonly api: ApiKey;
  readonly epoch?: number;
  readonly partitions?: readonly string[];
}

/** Sleeps take no time but pass it. */
export function hurriedClock(): Clock {
  let passedMs = 0;
  return {
    wallMs: () => systemClock.wallMs(),
    monotonicMs: () => systemClock.monotonicMs() + passedMs,
    after: (delayMs, callback) => systemClock.after(delayMs, callback),
    sleep: (delayMs) => {
      passedMs += delayMs;
      return new Promise((resolve) => setImmediate(resolve));
    },
  };
}

/** One broker that leads all partitions and coordinates all ids, as far as a fence asks. */
export class FakeTarget {
  /** As the coordinator has it. */
  producerId = LANE.producerId;
  epoch = LANE.producerEpoch;
  open: string[] = [];
  /** The transaction that ends and does not come to its end. */
  stuck: { readonly partitions: readonly TopicPartition[] } | undefined;
  /** Topics that are answered with 3 or 29. */
  readonly codes = new Map<string, number>();
  readonly markers: { readonly partitions: readonly string[]; readonly epoch: number }[] = [];
  /** Code of WriteTxnMarkers. */
  markerCode = 0;
  /** Epochs that the leaders know the lane under. */
  readonly known = new Map<string, number>();
  readonly withheld = new Set<ApiKey>();
  readonly asked: Asked[] = [];
  mishap: (asked: Asked, nth: number) => Mishap = () => undefined;
  fetch: (offset: number) => { code?: number; highWatermark: number; records: Buffer } = () => ({
    highWatermark: 0,
    records: Buffer.alloc(0),
  });
  logStart = 0;
  /** Code of the nth batch. */
  produce: (nth: number) => number = () => 0;
  readonly #topics: Readonly<Record<string, number>>;
  #broker: FakeBroker | undefined;
  readonly #clients: ClusterClient[] = [];

  private constructor(topics: Readonly<Record<string, number>>) {
    this.#topics = topics;
  }

  static async start(topics: Readonly<Record<string, number>>): Promise<FakeTarget> {
    const target = new FakeTarget(topics);
    target.#broker = await FakeBroker.start((request) => target.#answer(request));
    return target;
  }

  client(clock: Clock = systemClock): FencingClient {
    const client = new ClusterClient({
      cluster: {
        name: 'target',
        bootstrap: [`127.0.0.1:${this.#broker?.port}`],
        connectTimeoutMs: 1_000,
        requestTimeoutMs: 1_000,
      },
      clientId: 'test',
      clock,
      random: seededRandom(1),
      logger: silentLogger,
    });
    this.#clients.push(client);
    return client;
  }

  /** How often this was asked. */
  count(api: ApiKey): number {
    return this.asked.filter((item) => item.api === api).length;
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) await client.close();
    await this.#broker?.stop();
  }

  #answer({ api: key, version, body, socket }: FakeRequest): Buffer | 'silent' | undefined {
    const api = key as ApiKey;
    if (api === ApiKey.ApiVersions) return this.#versions(version);
    const asked = describe(api, new Reader(body, true));
    const mishap = this.mishap(asked, this.count(api));
    this.asked.push(asked);
    if (mishap === 'silent') return 'silent';
    if (typeof mishap === 'string') {
      if (mishap === 'lost-after') this.#carryOut(asked, body, undefined);
      socket.destroy();
      return 'silent';
    }
    const writer = this.#carryOut(asked, body, mishap);
    return Buffer.concat([Buffer.of(0), ...writer.toBuffers()]);
  }

  #versions(version: number): Buffer {
    const offered = Object.entries(API_SPECS).filter(([key]) => !this.withheld.has(Number(key) as ApiKey));
    const writer = new Writer(version >= 3).int16(0);
    writer.array(offered, ([key, spec]) =>
      writer.int16(Number(key)).int16(spec.minVersion).int16(spec.maxVersion).tags(),
    );
    if (version >= 1) writer.int32(0);
    return Buffer.concat(writer.tags().toBuffers());
  }

  #carryOut(asked: Asked, body: Buffer, code: number | undefined): Writer {
    switch (asked.api) {
      case ApiKey.Metadata:
        return this.#metadata();
      case ApiKey.FindCoordinator:
        return this.#coordinator();
      case ApiKey.InitProducerId:
        return this.#init(code);
      case ApiKey.AddPartitionsToTxn:
        return this.#add(asked, code);
      case ApiKey.EndTxn:
        return new Writer(true)
          .int32(0)
          .int16(code ?? this.#end(asked))
          .tags();
      case ApiKey.DescribeTransactions:
        return this.#describe(code);
      case ApiKey.DescribeProducers:
        return this.#producers(asked.partitions ?? []);
      case ApiKey.WriteTxnMarkers:
        return this.#mark(asked);
      case ApiKey.Produce:
        return this.#produce(body);
      case ApiKey.Fetch:
        return this.#fetch(body);
      case ApiKey.ListOffsets:
        return this.#logStart();
      default:
        throw new Error(`nobody asks a fake target for ${API_SPECS[asked.api].name}`);
    }
  }

  #metadata(): Writer {
    const writer = new Writer(true).int32(0).arrayLength(1);
    writer
      .int32(1)
      .string('127.0.0.1')
      .int32(this.#broker?.port ?? 0)
      .nullableString(null)
      .tags();
    writer.nullableString('cluster-id').int32(1);
    writer.array(Object.entries(this.#topics), ([topic, partitions]) => {
      writer.int16(0).string(topic).uuid(TOPIC_ID).boolean(false).arrayLength(partitions);
      for (let partition = 0; partition < partitions; partition += 1)
        writer.int16(0).int32(partition).int32(1).int32(0).arrayLength(0).arrayLength(0).arrayLength(0).tags();
      writer.int32(0).tags();
    });
    return writer.tags();
  }

  #coordinator(): Writer {
    const writer = new Writer(true).int32(0).arrayLength(1).string('key').int32(1).string('127.0.0.1');
    return writer
      .int32(this.#broker?.port ?? 0)
      .int16(0)
      .nullableString(null)
      .tags()
      .tags();
  }

  #init(code: number | undefined): Writer {
    const writer = new Writer(true).int32(0);
    let answer = code ?? 0;
    if (code === undefined && this.stuck !== undefined) answer = 51;
    else if (code === undefined && this.open.length > 0) {
      this.epoch += 1;
      this.#abort();
      answer = 51;
    } else if (code === undefined) this.epoch += 1;
    return writer
      .int16(answer)
      .int64(answer === 0 ? this.producerId : -1n)
      .int16(answer === 0 ? this.epoch : -1)
      .tags();
  }

  #abort(): void {
    this.markers.push({ partitions: this.open, epoch: this.epoch });
    this.open = [];
  }

  #add({ epoch, partitions = [] }: Asked, code: number | undefined): Writer {
    const bad = partitions.some((name) => this.codes.has(name));
    const answer = code ?? (epoch === this.epoch ? undefined : 90);
    if (answer === undefined && !bad) this.open = [...partitions];
    const writer = new Writer(true).int32(0);
    writer.array(partitions, (name) => {
      const { topic, partition } = parse(name);
      writer.string(topic).arrayLength(1).int32(partition);
      writer
        .int16(answer ?? this.codes.get(name) ?? (bad ? 55 : 0))
        .tags()
        .tags();
    });
    return writer.tags();
  }

  #end({ epoch }: Asked): number {
    if (epoch !== this.epoch) return 90;
    if (this.open.length === 0) return 48;
    this.#abort();
    return 0;
  }

  #describe(code = 0): Writer {
    const state = this.stuck !== undefined ? 'PrepareAbort' : this.open.length > 0 ? 'Ongoing' : 'CompleteAbort';
    const writer = new Writer(true).int32(0).arrayLength(1).int16(code).string(LANE.transactionalId).string(state);
    writer.int32(60_000).int64(-1n).int64(this.producerId).int16(this.epoch);
    writer.array(this.stuck?.partitions ?? [], (item) =>
      writer
        .string(item.topic)
        .array([item.partition], (index) => writer.int32(index))
        .tags(),
    );
    return writer.tags().tags();
  }

  #producers(partitions: readonly string[]): Writer {
    const writer = new Writer(true).int32(0);
    writer.array(partitions, (name) => {
      const { topic, partition } = parse(name);
      writer.string(topic).arrayLength(1).int32(partition).int16(0).nullableString(null);
      const epoch = this.known.get(name);
      writer.array(epoch === undefined ? [] : [epoch], (known) =>
        writer.int64(LANE.producerId).int32(known).int32(0).int64(0n).int32(5).int64(-1n).tags(),
      );
      writer.tags().tags();
    });
    return writer.tags();
  }

  #mark({ epoch = -1, partitions = [] }: Asked): Writer {
    if (this.markerCode === 0) this.markers.push({ partitions, epoch });
    const writer = new Writer(true).arrayLength(1).int64(LANE.producerId);
    writer.array(partitions, (name) => {
      const { topic, partition } = parse(name);
      writer.string(topic).arrayLength(1).int32(partition).int16(this.markerCode).tags().tags();
    });
    return writer.tags().tags();
  }

  #produce(body: Buffer): Writer {
    const reader = new Reader(body, true);
    reader.nullableString();
    reader.skip(2 + 4);
    reader.uvarint();
    const topic = reader.string();
    const code = this.produce(this.count(ApiKey.Produce) - 1);
    const writer = new Writer(true).arrayLength(1).string(topic).arrayLength(1).int32(0).int16(code);
    writer
      .int64FromNumber(code === 0 ? 0 : -1)
      .int64FromNumber(-1)
      .int64FromNumber(0)
      .arrayLength(0);
    return writer.nullableString(null).tags().tags().int32(0).tags();
  }

  #fetch(body: Buffer): Writer {
    const reader = new Reader(body, true);
    reader.skip(4 + 4 + 4 + 1 + 4 + 4);
    reader.uvarint();
    reader.uuid();
    reader.uvarint();
    reader.skip(4 + 4);
    const { code, highWatermark, records } = this.fetch(reader.int64AsNumber());
    const writer = new Writer(true).int32(0).int16(0).int32(0).arrayLength(1).uuid(TOPIC_ID).arrayLength(1);
    writer
      .int32(0)
      .int16(code ?? 0)
      .int64FromNumber(highWatermark)
      .int64FromNumber(highWatermark)
      .int64FromNumber(-1);
    return writer.arrayLength(-1).int32(-1).bytes(records).tags().tags().tags();
  }

  #logStart(): Writer {
    const writer = new Writer(true).int32(0).arrayLength(1).string('t').arrayLength(1).int32(0).int16(0);
    return writer.int64(-1n).int64FromNumber(this.logStart).int32(0).tags().tags().tags();
  }
}

const TOPIC_ID = '01234567-89ab-cdef-8edc-ba9876543210';

function parse(name: string): TopicPartition {
  const at = name.lastIndexOf('-');
  return { topic: name.slice(0, at), partition: Number(name.slice(at + 1)) };
}

/** The parts of a request (in the highest version) that a test looks at. */
function describe(api: ApiKey, reader: Reader): Asked {
  const lists = (): string[] =>
    reader
      .array(3, () => {
        const topic = reader.string();
        const names = reader.array(4, () => partitionKey(topic, reader.int32()));
        reader.tags();
        return names;
      })
      .flat();
  switch (api) {
    case ApiKey.InitProducerId: {
      reader.nullableString();
      reader.skip(4 + 8);
      return { api, epoch: reader.int16() };
    }
    case ApiKey.AddPartitionsToTxn: {
      reader.string();
      reader.skip(8);
      return { api, epoch: reader.int16(), partitions: lists() };
    }
    case ApiKey.EndTxn: {
      reader.string();
      reader.skip(8);
      return { api, epoch: reader.int16() };
    }
    case ApiKey.WriteTxnMarkers: {
      reader.uvarint();
      reader.skip(8);
      const epoch = reader.int16();
      reader.boolean();
      return { api, epoch, partitions: lists() };
    }
    case ApiKey.DescribeProducers:
      return { api, partitions: lists() };
    default:
      return { api };
  }
}
