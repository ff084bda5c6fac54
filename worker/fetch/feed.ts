import type { FetchedPartition } from '../../common/kafka/wire/apis/fetch.js';
import type { ResponseBody } from './response-body.js';

/** A partition as the fetcher sees it. */
export interface Feed {
  readonly key: string;
  readonly topic: string;
  readonly partition: number;
  readonly topicId: string | null;
  /** Behind everything taken in so far: what is fetched next, now or when it need not wait any more. */
  readonly position: number;
  /** The newest leadership of the source partition in which the log is known to have reached up to `position`; -1 none. */
  readonly leaderEpoch: number;
  /** The offset to fetch next, or undefined while it must wait (back-pressure, pause, start). */
  wanted(): number | undefined;
  /** Bytes the next fetch may bring at most; 0 while it waits for its share of memory or rate, and is touched when that is over. */
  quota(): number;
  /** Data or news from the leader, valid while `body` is retained; synchronous, and the only place where bytes enter the partition. */
  accept(fetched: FetchedPartition, body: ResponseBody): void;
  /** The log of this leadership contains everything before `position`. */
  confirmed(leaderEpoch: number): void;
  /** The log of the present leader has other records, or none, from `fromOffset` on: what was taken in from there is gone at the source (KIP-320). */
  truncated(fromOffset: number, leaderEpoch: number): void;
}
