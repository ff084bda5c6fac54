import { ApiKey } from '../../../../common/kafka/wire/api-keys.js';
import { EARLIEST } from '../../../../common/kafka/wire/apis/list-offsets.js';
import { Writer } from '../../../../common/kafka/wire/writer.js';
import { FakeBroker, type FakeRequest, send } from '../../kafka/wire/fake-broker.js';
import {
  type AskedPartition,
  type FetchAsked,
  type PartitionAnswer,
  readEpochRequest,
  readFetch,
  readListRequest,
  readMetadataTopics,
  writeFetchAnswer,
} from './fake-fetch-codec.js';
import { FakeLog } from './fake-log.js';

export interface SeenFetch extends FetchAsked {
  readonly broker: number;
  readonly version: number;
}

export interface Interference {
  /** The whole answer is this error. */
  readonly errorCode?: number;
  readonly throttleMs?: number;
  /** No answer, ever. */
  readonly silent?: boolean;
  /** The request is carried out, and the connection ends before the answer. */
  readonly lose?: boolean;
}

interface Session {
  epoch: number;
  readonly byId: boolean;
  readonly partitions: Map<string, AskedPartition & { known: number }>;
}

const POLL_MS = 4;

/** A source cluster of fake brokers that fetch like Kafka's: sessions (KIP-227), leader epochs, read replicas, long polls. */
export class FakeSource {
  readonly logs: FakeLog[] = [];
  readonly fetches: SeenFetch[] = [];
  readonly epochQuestions: { readonly broker: number; readonly asked: number }[] = [];
  listRequests = 0;
  /** Sessions a broker keeps; with none the answer's session id is 0. */
  sessionSlots = 1_000;
  maxFetchVersion = 15;
  interfere: (fetch: SeenFetch) => Interference = () => ({});
  /** The code of an answer to ListOffsets. */
  listCode: (log: FakeLog) => number = () => 0;
  /** What a leader answers about reading elsewhere. */
  preferred: (log: FakeLog, rack: string) => number = () => -1;
  readonly #brokers = new Map<number, FakeBroker>();
  readonly #sessions = new Map<number, Map<number, Session>>();
  #nextSession = 1;
  #stopped = false;

  static async start(brokers: number): Promise<FakeSource> {
    const source = new FakeSource();
    for (let id = 1; id <= brokers; id += 1) {
      source.#brokers.set(id, await FakeBroker.start((request) => source.#answer(id, request)));
      source.#sessions.set(id, new Map());
    }
    return source;
  }

  get bootstrap(): string[] {
    return [...this.#brokers.values()].map(({ port }) => `127.0.0.1:${port}`);
  }

  topic(topic: string, partitions: number, leader: (partition: number) => number = () => 1): FakeLog[] {
    const topicId = `00000000-0000-4000-8000-${String(this.logs.length + 1).padStart(12, '0')}`;
    const made = Array.from({ length: partitions }, (_, i) => new FakeLog(topic, topicId, i, leader(i)));
    this.logs.push(...made);
    return made;
  }

  /** Ends all connections to a broker. */
  cut(broker: number): void {
    for (const socket of this.#brokers.get(broker)?.sockets ?? []) socket.destroy();
  }

  forgetSessions(broker: number): void {
    this.#sessions.get(broker)?.clear();
  }

  async stopBroker(broker: number): Promise<void> {
    await this.#brokers.get(broker)?.stop();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all([...this.#brokers.values()].map((broker) => broker.stop()));
  }

  #answer(broker: number, request: FakeRequest): Buffer | 'silent' | undefined {
    switch (request.api) {
      case ApiKey.ApiVersions:
        return this.#versions(request.version);
      case ApiKey.Metadata:
        return this.#metadata(request);
      case ApiKey.OffsetForLeaderEpoch:
        return this.#epochEnds(broker, request);
      case ApiKey.Fetch:
        return this.#fetch(broker, request);
      case ApiKey.ListOffsets:
        return this.#listOffsets(broker, request);
      default:
        return undefined;
    }
  }

  #versions(version: number): Buffer {
    const spoken: [number, number, number][] = [
      [ApiKey.Fetch, 4, this.maxFetchVersion],
      [ApiKey.ListOffsets, 7, 7],
      [ApiKey.Metadata, 1, 12],
      [ApiKey.OffsetForLeaderEpoch, 2, 4],
      [ApiKey.ApiVersions, 0, 3],
    ];
    const writer = new Writer(version >= 3).int16(0);
    writer.array(spoken, ([key, min, max]) => writer.int16(key).int16(min).int16(max).tags());
    if (version >= 1) writer.int32(0);
    return Buffer.concat(writer.tags().toBuffers());
  }

  #metadata(request: FakeRequest): Buffer {
    const names = readMetadataTopics(request.body);
    const writer = new Writer(true).int32(0);
    writer.array([...this.#brokers], ([id, { port }]) =>
      writer.int32(id).string('127.0.0.1').int32(port).nullableString(null).tags(),
    );
    writer.nullableString('fake').int32(-1);
    writer.array(names, (name) => {
      const logs = this.logs.filter((log) => log.topic === name);
      writer
        .int16(logs.length === 0 ? 3 : 0)
        .nullableString(name)
        .uuid(logs[0]?.topicId ?? null)
        .boolean(false);
      writer.array(logs, (log) => {
        writer.int16(0).int32(log.partition).int32(log.leader).int32(log.epoch);
        for (let i = 0; i < 2; i += 1) writer.array([...this.#brokers.keys()], (id) => writer.int32(id));
        writer.array([], () => undefined).tags();
      });
      writer.int32(0).tags();
    });
    return framed(writer);
  }

  #epochEnds(broker: number, request: FakeRequest): Buffer {
    const writer = new Writer(true).int32(0);
    writer.array(readEpochRequest(request.body), ({ topic, partitions }) => {
      writer.string(topic);
      writer.array(partitions, ({ partition, currentLeaderEpoch, leaderEpoch }) => {
        this.epochQuestions.push({ broker, asked: leaderEpoch });
        const log = this.logs.find((candidate) => candidate.topic === topic && candidate.partition === partition);
        const code = log === undefined ? 3 : (log.epochFault(currentLeaderEpoch) ?? (log.leader === broker ? 0 : 6));
        const [epoch, end] = code === 0 && log !== undefined ? log.endOf(leaderEpoch) : [-1, -1];
        writer.int16(code).int32(partition).int32(epoch).int64(BigInt(end)).tags();
      });
      writer.tags();
    });
    return framed(writer);
  }

  #listOffsets(broker: number, request: FakeRequest): Buffer {
    this.listRequests += 1;
    const writer = new Writer(true).int32(0);
    writer.array(readListRequest(request.body), ({ topic, partitions }) => {
      writer.string(topic);
      writer.array(partitions, ({ partition, currentLeaderEpoch, timestamp }) => {
        const log = this.logs.find((candidate) => candidate.topic === topic && candidate.partition === partition);
        const fault = log === undefined ? 3 : (log.epochFault(currentLeaderEpoch) ?? (log.leader === broker ? 0 : 6));
        const code = fault === 0 && log !== undefined ? this.listCode(log) : fault;
        const offset = code !== 0 || log === undefined ? -1 : timestamp === EARLIEST ? log.start : log.end;
        writer.int32(partition).int16(code).int64(-1n).int64(BigInt(offset)).int32(-1).tags();
      });
      writer.tags();
    });
    return framed(writer);
  }

  #fetch(broker: number, request: FakeRequest): 'silent' {
    const asked = readFetch(request.version, request.body);
    const seen: SeenFetch = { ...asked, broker, version: request.version };
    this.fetches.push(seen);
    const meddling = this.interfere(seen);
    if (meddling.silent === true) return 'silent';
    const untilMs = performance.now() + asked.maxWaitMs;
    const session = meddling.errorCode === undefined ? this.#sessionFor(broker, asked) : meddling.errorCode;
    const look = (): void => {
      if (this.#stopped || request.socket.destroyed) return;
      const answers =
        typeof session === 'number' || meddling.throttleMs !== undefined
          ? []
          : this.#read(broker, asked, session.partitions);
      const waits = answers.length === 0 && typeof session !== 'number' && meddling.throttleMs === undefined;
      if (waits && performance.now() < untilMs) {
        setTimeout(look, POLL_MS);
        return;
      }
      if (meddling.lose === true) {
        request.socket.destroy();
        return;
      }
      const body = writeFetchAnswer(request.version, {
        throttleMs: meddling.throttleMs ?? 0,
        errorCode: typeof session === 'number' ? session : 0,
        sessionId: typeof session === 'number' ? 0 : session.id,
        answers,
      });
      send(request.socket, request.correlationId, body);
    };
    look();
    return 'silent';
  }

  /** What the request fetches, or the error of its session. */
  #sessionFor(broker: number, asked: FetchAsked): number | { id: number; partitions: Session['partitions'] } {
    const sessions = this.#sessions.get(broker) as Map<number, Session>;
    const entries = asked.partitions.map((item) => [keyOf(item), { ...item, known: -1 }] as const);
    if (asked.sessionEpoch <= 0) {
      sessions.delete(asked.sessionId);
      const partitions = new Map(entries);
      if (sessions.size >= this.sessionSlots) return { id: 0, partitions };
      const id = this.#nextSession++;
      sessions.set(id, { epoch: 1, byId: asked.byId, partitions });
      return { id, partitions };
    }
    const session = sessions.get(asked.sessionId);
    if (session === undefined) return 70;
    if (session.epoch !== asked.sessionEpoch) return 71;
    if (session.byId !== asked.byId) return 106;
    session.epoch = session.epoch === 2 ** 31 - 1 ? 1 : session.epoch + 1;
    // As the broker does: what is new first, then what is forgotten.
    for (const [key, item] of entries) {
      session.partitions.set(key, { ...item, known: session.partitions.get(key)?.known ?? -1 });
    }
    for (const item of asked.forgotten) session.partitions.delete(keyOf(item));
    return { id: asked.sessionId, partitions: session.partitions };
  }

  #read(broker: number, asked: FetchAsked, partitions: Session['partitions']): PartitionAnswer[] {
    const answers: PartitionAnswer[] = [];
    let room = asked.maxBytes;
    for (const [key, item] of [...partitions]) {
      const log = this.logs.find(
        (candidate) => keyOf({ ...candidate, topic: candidate.topic }) === key || idKeyOf(candidate) === key,
      );
      const answer = this.#readOne(broker, asked, item, log, room);
      const bytes = answer.records.length;
      if (
        answer.errorCode === 0 &&
        bytes === 0 &&
        answer.preferredReadReplica < 0 &&
        answer.highWatermark === item.known
      )
        continue;
      item.known = answer.highWatermark;
      room -= bytes;
      answers.push(answer);
      if (bytes === 0) continue;
      // Those that were served go to the end.
      partitions.delete(key);
      partitions.set(key, item);
    }
    return answers;
  }

  #readOne(
    broker: number,
    asked: FetchAsked,
    item: AskedPartition,
    log: FakeLog | undefined,
    room: number,
  ): PartitionAnswer {
    const nothing = {
      topic: item.topic,
      topicId: item.topicId,
      partition: item.partition,
      errorCode: 0,
      highWatermark: -1,
      records: Buffer.alloc(0),
      preferredReadReplica: -1,
    };
    if (log === undefined) return { ...nothing, errorCode: item.topicId === null ? 3 : 100 };
    const fault = log.epochFault(item.currentLeaderEpoch);
    if (fault !== undefined) return { ...nothing, errorCode: fault };
    const serves = log.leader === broker || log.followers.includes(broker);
    if (!serves) return { ...nothing, errorCode: 6 };
    const preferredReadReplica = log.leader === broker ? this.preferred(log, asked.rack) : -1;
    if (preferredReadReplica >= 0) return { ...nothing, highWatermark: log.end, preferredReadReplica };
    const end = log.leader === broker ? log.end : (log.followerEnd ?? log.end);
    if (item.fetchOffset > end || item.fetchOffset < log.start) return { ...nothing, errorCode: 1 };
    const records = log.read(item.fetchOffset, Math.min(item.maxBytes, Math.max(room, 0)), end);
    return { ...nothing, highWatermark: end, records };
  }
}

function framed(writer: Writer): Buffer {
  return Buffer.concat([Buffer.of(0), ...writer.tags().toBuffers()]);
}

function keyOf({ topic, topicId, partition }: Pick<AskedPartition, 'topic' | 'topicId' | 'partition'>): string {
  return topic === '' ? `${topicId}-${partition}` : `${topic}-${partition}`;
}

function idKeyOf({ topicId, partition }: FakeLog): string {
  return `${topicId}-${partition}`;
}
