import { CausewayError } from '../../../../common/errors/error.js';
import { ApiKey } from '../../../../common/kafka/wire/api-keys.js';
import type { ClusterClient } from '../../../../common/kafka/wire/cluster-client.js';
import { Reader } from '../../../../common/kafka/wire/reader.js';
import { Writer } from '../../../../common/kafka/wire/writer.js';
import type { Clock } from '../../../../common/runtime/clock.js';
import { seededRandom } from '../../../../common/runtime/random.js';

/** What becomes of one request: another code, or the connection ends before or after it was carried out. */
export type Mishap = number | 'lost-before' | 'lost-after' | undefined;

const INVALID_PRODUCER_EPOCH = 47;
const INVALID_TXN_STATE = 48;
const VERSION = 3;

/** One broker that coordinates one transactional id and all groups, as an open transaction needs it. */
export class FakeCoordinator {
  epoch = 0;
  state: 'empty' | 'open' | 'committed' | 'aborted' = 'empty';
  readonly partitions = new Set<string>();
  readonly groups = new Set<string>();
  /** `topic-partition` -> target offset, source offset; of the open transaction, and committed. */
  #pending = new Map<string, string>();
  readonly committed = new Map<string, string>();
  /** By api. */
  readonly asked: ApiKey[] = [];
  mishap: (api: ApiKey, nth: number) => Mishap = () => undefined;
  /** Codes of positions, by `topic-partition`. */
  readonly positionCodes = new Map<string, number>();

  client(clock: Clock): ClusterClient {
    const connection = {
      place: {},
      throttledMs: 0,
      requireVersion: () => VERSION,
      versionOf: () => VERSION,
      throttle: () => undefined,
      close: () => undefined,
      request: (api: ApiKey, _version: number, body: readonly Buffer[]) => this.#request(api, Buffer.concat(body)),
    };
    const client = {
      cluster: { name: 't', requestTimeoutMs: 1_000 },
      clock,
      random: seededRandom(1),
      coordinator: () => Promise.resolve({ id: 1 }),
      forgetCoordinator: () => undefined,
      connection: () => Promise.resolve(connection),
    };
    return client as unknown as ClusterClient;
  }

  count(api: ApiKey): number {
    return this.asked.filter((asked) => asked === api).length;
  }

  async #request(api: ApiKey, body: Buffer): Promise<Buffer> {
    this.asked.push(api);
    const mishap = this.mishap(api, this.count(api));
    await new Promise((resolve) => setImmediate(resolve));
    if (mishap === 'lost-before') throw new CausewayError('CONNECTION_LOST', 'cut');
    const answer = this.#carryOut(api, new Reader(body, true), typeof mishap === 'number' ? mishap : undefined);
    if (mishap === 'lost-after') throw new CausewayError('CONNECTION_LOST', 'cut');
    return Buffer.concat(answer.tags().toBuffers());
  }

  #carryOut(api: ApiKey, reader: Reader, forced: number | undefined): Writer {
    const writer = new Writer(true).int32(0);
    switch (api) {
      case ApiKey.InitProducerId:
        return this.#init(reader);
      case ApiKey.AddPartitionsToTxn:
        return this.#add(reader, writer, forced);
      case ApiKey.AddOffsetsToTxn: {
        const code = forced ?? this.#identified(reader);
        if (code === 0) this.#open().groups.add(reader.string());
        return writer.int16(code);
      }
      case ApiKey.TxnOffsetCommit:
        return this.#commitOffsets(reader, writer, forced);
      case ApiKey.EndTxn: {
        const code = forced ?? this.#identified(reader);
        return writer.int16(code === 0 ? this.#end(reader.boolean()) : code);
      }
      default:
        throw new Error(`nobody should ask for ${api}`);
    }
  }

  #init(reader: Reader): Writer {
    reader.nullableString();
    reader.int32();
    reader.int64();
    const isCurrent = reader.int16() === this.epoch;
    if (isCurrent) this.epoch += 1;
    return new Writer(true)
      .int32(0)
      .int16(isCurrent ? 0 : INVALID_PRODUCER_EPOCH)
      .int64(7n)
      .int16(this.epoch);
  }

  #identified(reader: Reader): number {
    reader.string();
    reader.int64();
    return reader.int16() === this.epoch ? 0 : INVALID_PRODUCER_EPOCH;
  }

  #open(): this {
    this.state = 'open';
    return this;
  }

  #add(reader: Reader, writer: Writer, forced: number | undefined): Writer {
    const code = forced ?? this.#identified(reader);
    if (forced !== undefined) this.#identified(reader);
    const topics = reader.array(1, () => {
      const topic = reader.string();
      const partitions = reader.array(1, () => reader.int32());
      reader.tags();
      return { topic, partitions };
    });
    if (code === 0)
      for (const { topic, partitions } of topics)
        for (const p of partitions) this.#open().partitions.add(`${topic}-${p}`);
    return writer.array(topics, ({ topic, partitions }) =>
      writer
        .string(topic)
        .array(partitions, (partition) => writer.int32(partition).int16(code).tags())
        .tags(),
    );
  }

  #commitOffsets(reader: Reader, writer: Writer, forced: number | undefined): Writer {
    reader.string();
    const group = reader.string();
    reader.int64();
    const isOurs = reader.int16() === this.epoch && this.groups.has(group);
    reader.int32();
    reader.string();
    reader.nullableString();
    const topics = reader.array(1, () => {
      const topic = reader.string();
      const partitions = reader.array(1, () => {
        const [partition, offset] = [reader.int32(), reader.int64()];
        reader.int32();
        const metadata = reader.string();
        reader.tags();
        return { partition, position: `${offset} ${JSON.parse(metadata.slice(2))[0]}` };
      });
      reader.tags();
      return { topic, partitions };
    });
    return writer.array(topics, ({ topic, partitions }) =>
      writer
        .string(topic)
        .array(partitions, ({ partition, position }) => {
          const key = `${topic}-${partition}`;
          const code = forced ?? (isOurs ? (this.positionCodes.get(key) ?? 0) : INVALID_TXN_STATE);
          if (code === 0) this.#pending.set(key, position);
          writer.int32(partition).int16(code).tags();
        })
        .tags(),
    );
  }

  #end(committed: boolean): number {
    const outcome = committed ? 'committed' : 'aborted';
    if (this.state !== 'open') return this.state === outcome ? 0 : INVALID_TXN_STATE;
    if (committed) for (const [key, position] of this.#pending) this.committed.set(key, position);
    this.#pending = new Map();
    this.partitions.clear();
    this.groups.clear();
    this.state = outcome;
    return 0;
  }
}
