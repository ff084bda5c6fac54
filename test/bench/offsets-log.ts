import type { Admin } from 'kafkajs';
import { seededRandom } from '../../common/runtime/random.js';
import { AuditCluster } from '../audit/audit-cluster.js';
import { dumpPartition } from '../audit/dump.js';
import { HoleyLog } from '../audit/holey-log.js';
import type { AuditRecord } from '../audit/record.js';
import { createTopics, kafkaOf } from '../audit/topics.js';
import { waitUntil } from '../bed/wait.js';

export const topics = {
  transactions: 'transactions',
  compacted: 'compacted',
  gaps: 'gaps',
  reborn: 'reborn',
  filtered: 'filtered',
} as const;
export type OffsetsTopic = (typeof topics)[keyof typeof topics];

/** Of all offsets, what each part of the log has. */
const shares = {
  transactions: 0.25,
  compacted: 0.25,
  filtered: 0.12,
  gapsHead: 0.04,
  gapsFirst: 0.09,
  gapsLost: 0.03,
  gapsAfter: 0.07,
  firstLife: 0.06,
  secondLife: 0.09,
} as const;
const maxRecordsOfTransaction = 100;
const abortShare = 0.1;
/** Of the compacted part's records, so many keys. */
const keyShare = 0.25;
const segmentBytes = 65_536;
const cleanLimitMs = 90_000;
/** The cleaner has done what it could once nothing has gone for so long. */
const stillMs = 1_500;
const deleteLimitMs = 30_000;

/** One partition of the source, everything that was ever in it, and when it was what. */
export interface SourcePartition {
  /** All records that a read_committed reader could ever have had. */
  readonly records: readonly AuditRecord[];
  readonly end: number;
  /** Copying could begin there. */
  readonly from: number;
  readonly kindOf: (offset: number) => string;
  /** The source had it, and lost it before it could be copied. */
  readonly isLost: (offset: number) => boolean;
}

/**
 * The source of the benchmark: five topics of one partition each, written by several writers whose transactions lie between each other's.
 * What happens to them between the two acts happens while no mirror reads them.
 */
export class OffsetsLog {
  readonly #servers: string;
  readonly #offsets: number;
  readonly #kept = new Map<OffsetsTopic, Map<number, AuditRecord>>();
  /** Taken out by the cleaner. */
  readonly #cleaned = new Set<number>();
  #gapsFrom = 0;
  /** Of `gaps`: gone before anybody copied them, and how far copying had come. */
  #lost = { from: 0, to: 0 };

  constructor(servers: string, offsets: number) {
    this.#servers = servers;
    this.#offsets = offsets;
  }

  /** Everything that is there before a mirror begins. */
  async first(log: (line: string) => void): Promise<void> {
    const plain = [topics.transactions, topics.gaps, topics.reborn, topics.filtered];
    await createTopics(this.#servers, [
      ...plain.map((topic) => ({ topic, partitions: 1 })),
      { topic: topics.compacted, partitions: 1, configs: { 'segment.bytes': String(segmentBytes) } },
    ]);
    await Promise.all([
      this.#fill(topics.transactions, shares.transactions, 'a', 3),
      this.#fill(topics.compacted, shares.compacted, 'a', 3, true),
      this.#fill(topics.filtered, shares.filtered, 'a', 2),
      this.#fill(topics.reborn, shares.firstLife, 'first-', 1),
      this.#fill(topics.gaps, shares.gapsHead, 'head-', 1).then(() =>
        this.#fill(topics.gaps, shares.gapsFirst, 'a', 1),
      ),
    ]);
    log('the cleaner goes through the compacted part');
    await this.#compact();
    this.#gapsFrom = Math.floor(this.#offsets * shares.gapsHead);
    await this.#admin((admin) => deleteBefore(admin, topics.gaps, this.#gapsFrom));
    for (const topic of Object.values(topics)) await this.#keep(topic);
  }

  /** Retention overtakes the mirrors in one topic; another is deleted and made anew. */
  async second(): Promise<void> {
    const from = await this.#end(topics.gaps);
    await this.#fill(topics.gaps, shares.gapsLost, 'lost-', 1);
    this.#lost = { from, to: await this.#end(topics.gaps) };
    await this.#keep(topics.gaps);
    await this.#fill(topics.gaps, shares.gapsAfter, 'after-', 2);
    await this.#keep(topics.gaps);
    await this.#admin(async (admin) => {
      await deleteBefore(admin, topics.gaps, this.#lost.to);
      await admin.deleteTopics({ topics: [topics.reborn], timeout: deleteLimitMs });
      const isGone = async () => !(await admin.listTopics()).includes(topics.reborn);
      await waitUntil('the topic is deleted', isGone, { timeoutMs: deleteLimitMs });
    });
    await createTopics(this.#servers, [{ topic: topics.reborn, partitions: 1 }]);
    this.#kept.delete(topics.reborn);
    await this.#fill(topics.reborn, shares.secondLife, 'second-', 2);
    await this.#keep(topics.reborn);
  }

  partition(topic: OffsetsTopic): SourcePartition {
    const kept = this.#kept.get(topic) ?? new Map<number, AuditRecord>();
    const records = [...kept.values()].sort((a, b) => a.offset - b.offset);
    const isCleaned = (offset: number) => topic === topics.compacted && this.#cleaned.has(offset);
    const isLost = (offset: number) =>
      topic === topics.gaps && offset >= this.#lost.from && offset < this.#lost.to && kept.has(offset);
    return {
      records: records.filter(({ offset }) => !isCleaned(offset)),
      end: (records.at(-1)?.offset ?? -1) + 1,
      from: topic === topics.gaps ? this.#gapsFrom : 0,
      kindOf: (offset) => {
        if (isCleaned(offset)) return 'compacted away';
        if (topic === topics.gaps && offset >= this.#lost.from && offset < this.#lost.to)
          return 'lost before it was copied';
        if (topic === topics.filtered && kept.has(offset)) return 'dropped by a rule';
        return 'markers and aborted records';
      },
      isLost: (offset) => isLost(offset) || (topic === topics.gaps && offset < this.#gapsFrom),
    };
  }

  async #fill(topic: OffsetsTopic, share: number, name: string, writers: number, isKeyed = false): Promise<void> {
    const offsets = Math.ceil((this.#offsets * share) / writers);
    const keys = Math.ceil(this.#offsets * share * keyShare);
    await Promise.all(
      Array.from({ length: writers }, async (_, i) => {
        const writer = await HoleyLog.open({
          bootstrapServers: this.#servers,
          topic,
          name: `${name}${i}-`,
          random: seededRandom(topic.length * 100 + name.length * 10 + i),
          maxRecords: maxRecordsOfTransaction,
          abortShare,
          ...(isKeyed ? { keys } : {}),
        });
        try {
          await writer.fill(offsets);
        } finally {
          await writer.close();
        }
      }),
    );
  }

  /** A real cleaner's work, and then no more of it: what the mirrors are compared with has to stay. */
  async #compact(): Promise<void> {
    const topic = topics.compacted;
    await this.#keep(topic);
    const before = this.#kept.get(topic)?.size ?? 0;
    await this.#configure({ 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': '0.01' });
    let last = { records: before, sinceMs: performance.now() };
    const isClean = async (): Promise<boolean> => {
      const records = (await recordsOf(this.#servers, topic)).length;
      if (records !== last.records) last = { records, sinceMs: performance.now() };
      return records < before * 0.6 && performance.now() - last.sinceMs > stillMs;
    };
    await waitUntil('the cleaner has been there', isClean, { timeoutMs: cleanLimitMs });
    await this.#configure({ 'cleanup.policy': 'delete' });
    const left = new Set((await recordsOf(this.#servers, topic)).map(({ offset }) => offset));
    for (const offset of this.#kept.get(topic)?.keys() ?? []) if (!left.has(offset)) this.#cleaned.add(offset);
  }

  /** Nothing of the compacted part has gone since it was looked at. */
  async checkStill(): Promise<void> {
    const { records } = this.partition(topics.compacted);
    const now = await recordsOf(this.#servers, topics.compacted);
    if (now.length !== records.length)
      throw new Error(`the cleaner went on: ${now.length} of ${records.length} are left`);
  }

  async #configure(settings: Readonly<Record<string, string>>): Promise<void> {
    const all = { 'segment.bytes': String(segmentBytes), 'retention.ms': '-1', ...settings };
    const configEntries = Object.entries(all).map(([name, value]) => ({ name, value }));
    // kafkajs' ConfigResourceTypes.TOPIC
    const resource = { type: 2, name: topics.compacted, configEntries };
    await this.#admin((admin) => admin.alterConfigs({ validateOnly: false, resources: [resource] }));
  }

  async #keep(topic: OffsetsTopic): Promise<void> {
    const kept = this.#kept.get(topic) ?? new Map<number, AuditRecord>();
    this.#kept.set(topic, kept);
    for (const record of await recordsOf(this.#servers, topic)) kept.set(record.offset, record);
  }

  async #end(topic: OffsetsTopic): Promise<number> {
    return await this.#admin(async (admin) => {
      const [partition] = await admin.fetchTopicOffsets(topic);
      return Number(partition?.high ?? 0);
    });
  }

  async #admin<T>(work: (admin: Admin) => Promise<T>): Promise<T> {
    const admin = kafkaOf(this.#servers).admin();
    await admin.connect();
    try {
      return await work(admin);
    } finally {
      await admin.disconnect();
    }
  }
}

async function deleteBefore(admin: Admin, topic: string, offset: number): Promise<void> {
  // kafkajs finds the leaders only of topics it was asked about before.
  await admin.fetchTopicOffsets(topic);
  await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: String(offset) }] });
}

/** What a read_committed reader gets of the first partition. */
export async function recordsOf(bootstrapServers: string, name: string): Promise<AuditRecord[]> {
  const cluster = new AuditCluster(bootstrapServers);
  try {
    const layout = await cluster.layout(name);
    const range = layout === undefined ? undefined : (await cluster.ranges(layout))[0];
    if (layout === undefined || range === undefined) throw new Error(`${name} is not there`);
    const found: AuditRecord[] = [];
    for await (const records of dumpPartition(cluster, { layout, partition: 0, range })) {
      for (const record of records) found.push(record);
    }
    return found;
  } finally {
    await cluster.close();
  }
}

/** Where the first partition ends for such a reader. */
export async function endOf(bootstrapServers: string, topic: string): Promise<number> {
  const cluster = new AuditCluster(bootstrapServers);
  try {
    return (await cluster.ends([{ topic, partition: 0 }]))[0] ?? -1;
  } finally {
    await cluster.close();
  }
}
