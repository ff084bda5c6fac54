import { ApiKey } from '../../../common/kafka/wire/api-keys.js';
import type { ClusterClient } from '../../../common/kafka/wire/cluster-client.js';
import { Reader } from '../../../common/kafka/wire/reader.js';
import { Writer } from '../../../common/kafka/wire/writer.js';
import { partitionKey } from '../../../common/model/topic-partition.js';
import { systemClock } from '../../../common/runtime/clock.js';
import { seededRandom } from '../../../common/runtime/random.js';

const GROUP_AUTHORIZATION_FAILED = 30;
const UNKNOWN_TOPIC = 3;
const START = -2n;

interface FakeOffset {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  readonly metadata: string;
}

interface FakeGroup {
  readonly state: string;
  readonly protocolType: string;
  readonly offsets: Map<string, FakeOffset>;
}

/** A cluster of one broker that knows groups and their offsets; its logs reach from 0 to 1,000,000. */
export class FakeGroups {
  readonly groups = new Map<string, FakeGroup>();
  /** In the order in which they came: `group topic-partition=offset`. */
  readonly commits: string[] = [];
  /** Groups that it lists and whose offsets it does not tell. */
  readonly denied = new Set<string>();

  /** As if it had been committed by whoever uses the group: nobody ever joined it unless told so. */
  given(group: string, topic: string, offsets: readonly number[], { hadMembers = false, isActive = false } = {}): void {
    const state = isActive ? 'Stable' : 'Empty';
    const known = this.groups.get(group)?.offsets ?? new Map<string, FakeOffset>();
    this.groups.set(group, { state, protocolType: hadMembers || isActive ? 'consumer' : '', offsets: known });
    offsets.forEach((offset, partition) => {
      known.set(partitionKey(topic, partition), { topic, partition, offset: BigInt(offset), metadata: '' });
    });
  }

  offset(group: string, topic: string, partition = 0): bigint | undefined {
    return this.groups.get(group)?.offsets.get(partitionKey(topic, partition))?.offset;
  }

  client(name: string): ClusterClient {
    const connection = {
      place: { cluster: name },
      throttledMs: 0,
      throttle: () => undefined,
      close: () => undefined,
      versionOf: versionOf,
      requireVersion: versionOf,
      request: (api: number, _version: number, body: readonly Buffer[]) =>
        Promise.resolve(this.#answer(api, new Reader(Buffer.concat(body), true))),
    };
    const brokers = new Map([[0, { id: 0, host: 'b', port: 1, rack: null }]]);
    return {
      cluster: { name, bootstrap: [], connectTimeoutMs: 100, requestTimeoutMs: 100 },
      clock: systemClock,
      random: seededRandom(1),
      metadata: (topics: readonly string[]) =>
        Promise.resolve({ brokers, topics: new Map(topics.map((topic) => [topic, described(topic)])) }),
      coordinator: () => Promise.resolve(0),
      forgetCoordinator: () => undefined,
      connection: () => Promise.resolve(connection),
    } as unknown as ClusterClient;
  }

  #answer(api: number, request: Reader): Buffer {
    const writer = new Writer(true);
    if (api === ApiKey.ListGroups) this.#list(writer);
    else if (api === ApiKey.OffsetFetch) this.#fetch(request, writer);
    else if (api === ApiKey.OffsetCommit) this.#commit(request, writer);
    else if (api === ApiKey.ListOffsets) listOffsets(request, writer);
    else throw new Error(`nobody said what to answer to ${api}`);
    return Buffer.concat(writer.tags().toBuffers());
  }

  #list(writer: Writer): void {
    writer.int32(0).int16(0);
    writer.array([...this.groups], ([name, { state, protocolType }]) =>
      writer.string(name).string(protocolType).string(state).string('classic').tags(),
    );
  }

  #fetch(request: Reader, writer: Writer): void {
    const asked = request.array(1, () => {
      const name = request.string();
      const topics = request.nullableArrayLength(1);
      const places = Array.from({ length: Math.max(0, topics) }, () => placesOf(request)).flat();
      request.tags();
      return { name, places: topics < 0 ? undefined : places };
    });
    writer.int32(0).array(asked, ({ name, places }) => {
      const isDenied = this.denied.has(name);
      const committed = this.groups.get(name)?.offsets ?? new Map<string, FakeOffset>();
      const found = places?.map((place) => {
        const nothing = { ...place, offset: -1n, metadata: '' };
        return committed.get(partitionKey(place.topic, place.partition)) ?? nothing;
      });
      const offsets = isDenied ? [] : (found ?? [...committed.values()]);
      writer.string(name).array(offsets, ({ topic, partition, offset, metadata }) => {
        writer.string(topic).arrayLength(1);
        writer.int32(partition).int64(offset).int32(-1).nullableString(metadata).int16(0).tags().tags();
      });
      writer.int16(isDenied ? GROUP_AUTHORIZATION_FAILED : 0).tags();
    });
  }

  /** Refused while the group has members, as Kafka does. */
  #commit(request: Reader, writer: Writer): void {
    const name = request.string();
    request.int32();
    request.string();
    request.nullableString();
    const group = this.groups.get(name) ?? { state: 'Empty', protocolType: '', offsets: new Map<string, FakeOffset>() };
    const unknownMember = 25;
    const code = group.state === 'Empty' ? 0 : unknownMember;
    const topics = request.array(1, () => {
      const topic = request.string();
      const partitions = request.array(1, () => {
        const partition = request.int32();
        const offset = request.int64();
        request.int32();
        const metadata = request.string();
        request.tags();
        if (code === 0) {
          group.offsets.set(partitionKey(topic, partition), { topic, partition, offset, metadata });
          this.commits.push(`${name} ${topic}-${partition}=${offset}`);
        }
        return partition;
      });
      request.tags();
      return { topic, partitions };
    });
    this.groups.set(name, group);
    writer.int32(0).array(topics, ({ topic, partitions }) => {
      writer.string(topic).array(partitions, (partition) => writer.int32(partition).int16(code).tags());
      writer.tags();
    });
  }
}

/** The newest that the fake speaks. */
function versionOf(api: number): number {
  if (api === ApiKey.ListGroups) return 5;
  return api === ApiKey.ListOffsets ? 7 : 8;
}

function placesOf(request: Reader): { readonly topic: string; readonly partition: number }[] {
  const topic = request.string();
  const places = request.array(1, () => ({ topic, partition: request.int32() }));
  request.tags();
  return places;
}

/** All topics are there, but Causeway's own. */
function described(name: string) {
  if (name.startsWith('causeway.')) return { name, errorCode: UNKNOWN_TOPIC, topicId: null, partitions: [] };
  const partitions = Array.from({ length: 4 }, (_, partition) => {
    return { partition, errorCode: 0, leader: 0, leaderEpoch: 0, replicas: [0], isr: [0] };
  });
  return { name, errorCode: 0, topicId: null, partitions };
}

function listOffsets(request: Reader, writer: Writer): void {
  request.int32();
  request.int8();
  const topics = request.array(1, () => {
    const topic = request.string();
    const partitions = request.array(1, () => {
      const partition = request.int32();
      request.int32();
      const timestamp = request.int64();
      request.tags();
      return { partition, offset: timestamp === START ? 0n : 1_000_000n };
    });
    request.tags();
    return { topic, partitions };
  });
  writer.int32(0).array(topics, ({ topic, partitions }) => {
    writer.string(topic).array(partitions, ({ partition, offset }) => {
      writer.int32(partition).int16(0).int64(-1n).int64(offset).int32(0).tags();
    });
    writer.tags();
  });
}
