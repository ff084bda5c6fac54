import { buildBatch } from '../../../../common/kafka/wire/records/build-batch.js';

interface StoredBatch {
  readonly base: number;
  readonly count: number;
  readonly bytes: Buffer;
}

/** One partition's log, with the history of its leaderships. Record n of the log has the value `<history>:<offset>`. */
export class FakeLog {
  readonly topic: string;
  topicId: string;
  readonly partition: number;
  leader: number;
  epoch = 0;
  start = 0;
  /** Brokers that serve besides the leader. */
  followers: number[] = [];
  /** Where those end; the leader's end unless set. */
  followerEnd: number | undefined;
  #batches: StoredBatch[] = [];
  #epochStarts: [epoch: number, start: number][] = [[0, 0]];

  constructor(topic: string, topicId: string, partition: number, leader: number) {
    this.topic = topic;
    this.topicId = topicId;
    this.partition = partition;
    this.leader = leader;
  }

  get end(): number {
    const last = this.#batches.at(-1);
    return last === undefined ? this.start : last.base + last.count;
  }

  append(count: number, valueBytes = 10): void {
    const base = this.end;
    const records = Array.from({ length: count }, (_, i) => ({
      key: null,
      value: Buffer.alloc(valueBytes, `${this.topicId.slice(-1)}.${this.epoch}:${base + i};`),
      headers: [],
      timestamp: BigInt(Date.now()),
    }));
    const bytes = buildBatch(records, { baseOffset: BigInt(base), partitionLeaderEpoch: this.epoch });
    this.#batches.push({ base, count, bytes });
  }

  /** A new leadership; `truncateTo`: the new leader never had what lies behind. */
  elect(leader: number, truncateTo = this.end): void {
    this.#batches = this.#batches.filter(({ base, count }) => base + count <= truncateTo);
    this.#epochStarts = this.#epochStarts.filter(([, start]) => start < this.end || start === 0);
    this.epoch += 1;
    this.leader = leader;
    this.#epochStarts.push([this.epoch, this.end]);
  }

  /** As OffsetForLeaderEpoch answers: the largest epoch up to the one asked for, and where it ends. */
  endOf(epoch: number): [epoch: number, end: number] {
    if (epoch === this.epoch) return [epoch, this.end];
    const higher = this.#epochStarts.find(([candidate]) => candidate > epoch);
    if (higher === undefined) return [-1, -1];
    const floor = this.#epochStarts.filter(([candidate]) => candidate <= epoch).at(-1);
    return [floor?.[0] ?? epoch, higher[1]];
  }

  /** FENCED_LEADER_EPOCH or UNKNOWN_LEADER_EPOCH, where the request's differs from ours. */
  epochFault(current: number): number | undefined {
    if (current < 0 || current === this.epoch) return undefined;
    return current < this.epoch ? 74 : 75;
  }

  read(from: number, maxBytes: number, end: number): Buffer {
    const pieces: Buffer[] = [];
    let bytes = 0;
    for (const { base, count, bytes: batch } of this.#batches) {
      if (base + count <= from || base + count > end) continue;
      if (maxBytes <= 0 || bytes >= maxBytes) break;
      pieces.push(batch);
      bytes += batch.length;
    }
    // The last batch is cut, but the first always comes whole.
    const whole = Buffer.concat(pieces);
    return whole.subarray(0, Math.max(maxBytes, pieces[0]?.length ?? 0));
  }
}
