import { readFileSync } from 'node:fs';
import { API_SPECS, ApiKey, isFlexible } from '../../common/kafka/wire/api-keys.js';
import { Writer } from '../../common/kafka/wire/writer.js';
import { type BrokerRequest, startServer } from './memory-broker-server.js';
import { EndlessLog, FetchSession } from './memory-log.js';

/** What one in-memory broker serves: the only broker of its cluster, with one topic. */
export interface MemoryBrokerPlan {
  readonly port: number;
  readonly tlsStoreFile?: string;
  readonly topic: string;
  /** Canonical UUID text. */
  readonly topicId: string;
  readonly partitions: number;
  readonly recordBytes: number;
  readonly batchBytes: number;
}

// No bench gets there; Number arithmetic stays exact.
const endOfLog = 10 ** 12;
const nodeId = 1;
const mostSessions = 1_000;

/**
 * The least of a broker that a mirror needs, without a disk: its logs never end, what is produced is acknowledged and forgotten,
 * everything is answered at once.
 */
class MemoryBroker {
  readonly #plan: MemoryBrokerPlan;
  readonly #log: EndlessLog;
  readonly #sessions = new Map<number, FetchSession>();
  /** Next offset of each partition as a target. */
  readonly #produced: number[];

  constructor(plan: MemoryBrokerPlan) {
    this.#plan = plan;
    this.#log = new EndlessLog(plan);
    this.#produced = new Array(plan.partitions).fill(0);
  }

  handle(request: BrokerRequest): readonly Buffer[] {
    const writer = new Writer(isFlexible(request.api, request.version));
    switch (request.api) {
      case ApiKey.ApiVersions:
        return apiVersions(writer, request.version);
      case ApiKey.Metadata:
        return this.#metadata(writer, request.version);
      case ApiKey.Fetch:
        return this.#fetch(writer, request);
      case ApiKey.Produce:
        return this.#produce(writer, request);
      case ApiKey.ListOffsets:
        return this.#listOffsets(writer, request);
      case ApiKey.FindCoordinator:
        return this.#coordinator(writer, request);
      case ApiKey.InitProducerId:
        return writer.int32(0).int16(0).int64(1n).int16(0).tags().toBuffers();
      case ApiKey.OffsetFetch:
        return nothingCommitted(writer, request);
      case ApiKey.OffsetCommit:
        return committed(writer, request);
      case ApiKey.OffsetForLeaderEpoch:
        return this.#epochEnds(writer, request);
      default:
        throw new Error(`no answer to ${API_SPECS[request.api].name}`);
    }
  }

  #metadata(writer: Writer, version: number): readonly Buffer[] {
    const { port, topic, topicId, partitions } = this.#plan;
    if (version >= 3) writer.int32(0);
    writer.array([port], () => writer.int32(nodeId).string('127.0.0.1').int32(port).nullableString(null).tags());
    if (version >= 2) writer.nullableString(`memory-${port}`);
    writer.int32(nodeId).array([topic], () => {
      writer.int16(0).string(topic);
      if (version >= 10) writer.uuid(topicId);
      writer.boolean(false).array([...Array(partitions).keys()], (partition) => {
        writer.int16(0).int32(partition).int32(nodeId);
        if (version >= 7) writer.int32(0);
        for (const replicas of [[nodeId], [nodeId], ...(version >= 5 ? [[]] : [])])
          writer.array(replicas, (id) => writer.int32(id));
        writer.tags();
      });
      if (version >= 8) writer.int32(0);
      writer.tags();
    });
    if (version >= 8 && version <= 10) writer.int32(0);
    return writer.tags().toBuffers();
  }

  #fetch(writer: Writer, { version, body }: BrokerRequest): readonly Buffer[] {
    if (version < 13) throw new Error('fetches go by topic id here');
    if (version <= 14) body.int32();
    body.skip(8);
    const maxBytes = body.int32();
    body.int8();
    const asked = { id: body.int32(), epoch: body.int32() };
    const { id, session } = this.#session(asked);
    body.array(18, () => {
      body.uuid();
      body.array(28, () => {
        const partition = body.int32();
        body.int32();
        const offset = body.int64AsNumber();
        body.skip(12);
        session.ask(partition, offset, body.int32());
        body.tags();
      });
      body.tags();
    });
    body.array(18, () => {
      body.uuid();
      body.array(4, () => session.forget(body.int32()));
      body.tags();
    });
    writer
      .int32(0)
      .int16(0)
      .int32(asked.epoch === -1 ? 0 : id);
    const fetched = session.read(maxBytes);
    writer.array(fetched.length === 0 ? [] : [fetched], () => {
      writer.uuid(this.#plan.topicId).array(fetched, ({ partition, records }) => {
        writer.int32(partition).int16(0).int64FromNumber(endOfLog).int64FromNumber(endOfLog).int64FromNumber(0);
        writer.arrayLength(0).int32(-1).records(records).tags();
      });
      writer.tags();
    });
    return writer.tags().toBuffers();
  }

  #session({ id, epoch }: { readonly id: number; readonly epoch: number }): { id: number; session: FetchSession } {
    const known = epoch > 0 ? this.#sessions.get(id) : undefined;
    if (known !== undefined) return { id, session: known };
    if (epoch > 0) throw new Error(`no fetch session ${id}`);
    if (this.#sessions.size >= mostSessions) throw new Error('too many fetch sessions');
    const session = new FetchSession(this.#log);
    const fresh = this.#sessions.size + 1;
    if (epoch === 0) this.#sessions.set(fresh, session);
    return { id: fresh, session };
  }

  #produce(writer: Writer, { version, body }: BrokerRequest): readonly Buffer[] {
    body.nullableString();
    body.skip(6);
    const topics = body.array(3, () => {
      const topic = body.string();
      const partitions = body.array(6, () => {
        const partition = body.int32();
        const records = body.bytes();
        body.tags();
        const base = this.#produced[partition] ?? 0;
        this.#produced[partition] = base + records.readInt32BE(23) + 1;
        return { partition, base };
      });
      body.tags();
      return { topic, partitions };
    });
    writer.array(topics, ({ topic, partitions }) => {
      writer.string(topic).array(partitions, ({ partition, base }) => {
        writer.int32(partition).int16(0).int64FromNumber(base).int64FromNumber(-1);
        if (version >= 5) writer.int64FromNumber(0);
        if (version >= 8) writer.arrayLength(0).nullableString(null);
        writer.tags();
      });
      writer.tags();
    });
    return writer.int32(0).tags().toBuffers();
  }

  #listOffsets(writer: Writer, { version, body }: BrokerRequest): readonly Buffer[] {
    body.int32();
    if (version >= 2) body.int8();
    const earliest = -2n;
    if (version >= 2) writer.int32(0);
    const topics = body.array(3, () => {
      const topic = body.string();
      const partitions = body.array(12, () => {
        const partition = body.int32();
        if (version >= 4) body.int32();
        const timestamp = body.int64();
        body.tags();
        return { partition, offset: timestamp === earliest ? 0 : endOfLog };
      });
      body.tags();
      return { topic, partitions };
    });
    writer.array(topics, ({ topic, partitions }) => {
      writer.string(topic).array(partitions, ({ partition, offset }) => {
        writer.int32(partition).int16(0).int64(-1n).int64FromNumber(offset);
        if (version >= 4) writer.int32(0);
        writer.tags();
      });
      writer.tags();
    });
    return writer.tags().toBuffers();
  }

  #epochEnds(writer: Writer, { version, body }: BrokerRequest): readonly Buffer[] {
    if (version >= 3) body.int32();
    writer.int32(0);
    const topics = body.array(3, () => {
      const topic = body.string();
      const partitions = body.array(12, () => {
        const partition = body.int32();
        body.skip(8);
        body.tags();
        return partition;
      });
      body.tags();
      return { topic, partitions };
    });
    writer.array(topics, ({ topic, partitions }) => {
      writer.string(topic).array(partitions, (partition) => {
        writer.int16(0).int32(partition).int32(0).int64FromNumber(endOfLog).tags();
      });
      writer.tags();
    });
    return writer.tags().toBuffers();
  }

  #coordinator(writer: Writer, { version, body }: BrokerRequest): readonly Buffer[] {
    if (version < 4) throw new Error('coordinators go by lists of keys here');
    body.int8();
    const keys = body.array(1, () => body.string());
    writer.int32(0).array(keys, (key) => {
      writer.string(key).int32(nodeId).string('127.0.0.1').int32(this.#plan.port).int16(0).nullableString(null).tags();
    });
    return writer.tags().toBuffers();
  }
}

/** Offers what we speak, in the versions this broker knows how to answer. */
function apiVersions(writer: Writer, version: number): readonly Buffer[] {
  writer.int16(0).array(Object.entries(API_SPECS), ([key, spec]) => {
    writer.int16(Number(key)).int16(spec.minVersion).int16(spec.maxVersion).tags();
  });
  if (version >= 1) writer.int32(0);
  return writer.tags().toBuffers();
}

function nothingCommitted(writer: Writer, { version, body }: BrokerRequest): readonly Buffer[] {
  if (version < 8) throw new Error('committed offsets go by lists of groups here');
  const groups = body.array(4, () => {
    const group = body.string();
    const count = body.nullableArrayLength(3);
    const topics: { topic: string; partitions: number[] }[] = [];
    for (let index = 0; index < count; index += 1) {
      topics.push({ topic: body.string(), partitions: body.array(4, () => body.int32()) });
      body.tags();
    }
    body.tags();
    return { group, topics };
  });
  writer.int32(0).array(groups, ({ group, topics }) => {
    writer.string(group).array(topics, ({ topic, partitions }) => {
      writer.string(topic).array(partitions, (partition) => {
        writer.int32(partition).int64(-1n).int32(-1).nullableString('').int16(0).tags();
      });
      writer.tags();
    });
    writer.int16(0).tags();
  });
  return writer.tags().toBuffers();
}

function committed(writer: Writer, { version, body }: BrokerRequest): readonly Buffer[] {
  body.string();
  body.int32();
  body.string();
  if (version >= 7) body.nullableString();
  const topics = body.array(3, () => {
    const topic = body.string();
    const partitions = body.array(12, () => {
      const partition = body.int32();
      body.int64();
      if (version >= 6) body.int32();
      body.nullableString();
      body.tags();
      return partition;
    });
    body.tags();
    return { topic, partitions };
  });
  writer.int32(0).array(topics, ({ topic, partitions }) => {
    writer.string(topic).array(partitions, (partition) => writer.int32(partition).int16(0).tags());
    writer.tags();
  });
  return writer.tags().toBuffers();
}

const [planFile] = process.argv.slice(2);
if (planFile === undefined) throw new Error('usage: memory-broker PLAN');
const plan = JSON.parse(readFileSync(planFile, 'utf8')) as MemoryBrokerPlan;
const broker = new MemoryBroker(plan);
await startServer(plan, (request) => broker.handle(request));
