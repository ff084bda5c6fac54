import type { FetchedPartition } from '../../common/kafka/wire/apis/fetch.js';
import type { ResponseBody } from './response-body.js';

/** A partition as the fetcher sees it. */
export interface Feed {
  readonly key: string;
  readonly topic: string;
  readonly partition: number;
  readonly topicId: string | null;
  /** The offset to fetch next, or undefined while it must wait (back-pressure, pause, start). */
  wanted(): number | undefined;
  /** Bytes the next fetch may bring at most; 0 while it waits for its share of memory or rate, and is touched when that is over. */
  quota(): number;
  /** Data or news from the leader, valid while `body` is retained; synchronous, and the only place where bytes enter the partition. */
  accept(fetched: FetchedPartition, body: ResponseBody): void;
}
