import type { FetchPartition, FetchRequest } from '../../../common/kafka/wire/apis/fetch.js';
import { partitionKey } from '../../../common/model/topic-partition.js';

const FETCH_SESSION_ID_NOT_FOUND = 70;
const INVALID_FETCH_SESSION_EPOCH = 71;

/** What the broker told last of a partition: only what changed is told again. */
export interface SessionPartition {
  asked: FetchPartition;
  toldHighWatermark: number;
}

interface Session {
  epoch: number;
  readonly partitions: Map<string, SessionPartition>;
}

/** A request within its session. */
export interface InSession {
  readonly errorCode: number;
  /** 0: none. */
  readonly sessionId: number;
  /** Everything that is told, changed or not. */
  readonly isFull: boolean;
  readonly partitions: readonly SessionPartition[];
}

/** Incremental fetch sessions of one broker (KIP-227). */
export class FetchSessions {
  readonly #sessions = new Map<number, Session>();
  #next = 1;

  forget(): void {
    this.#sessions.clear();
  }

  open({ sessionId, sessionEpoch, partitions, forgotten }: FetchRequest): InSession {
    const fresh = partitions.map((asked): SessionPartition => ({ asked, toldHighWatermark: -1 }));
    if (sessionEpoch <= 0) {
      this.#sessions.delete(sessionId);
      if (sessionEpoch < 0 || partitions.length === 0) {
        return { errorCode: 0, sessionId: 0, isFull: true, partitions: fresh };
      }
      const id = this.#next++;
      this.#sessions.set(id, { epoch: 1, partitions: new Map(fresh.map((each) => [keyOf(each.asked), each])) });
      return { errorCode: 0, sessionId: id, isFull: true, partitions: fresh };
    }
    const session = this.#sessions.get(sessionId);
    const refused = (errorCode: number): InSession => ({ errorCode, sessionId: 0, isFull: false, partitions: [] });
    if (session === undefined) return refused(FETCH_SESSION_ID_NOT_FOUND);
    if (session.epoch !== sessionEpoch) return refused(INVALID_FETCH_SESSION_EPOCH);
    session.epoch += 1;
    for (const { topic, partition } of forgotten) session.partitions.delete(partitionKey(topic, partition));
    for (const each of fresh) {
      const known = session.partitions.get(keyOf(each.asked));
      if (known === undefined) session.partitions.set(keyOf(each.asked), each);
      else known.asked = each.asked;
    }
    return { errorCode: 0, sessionId, isFull: false, partitions: [...session.partitions.values()] };
  }
}

function keyOf({ topic, partition }: FetchPartition): string {
  return partitionKey(topic, partition);
}
