import type { BatchView } from '../../common/kafka/wire/records/batch-scan.js';

/** What a feed has after it was filled. */
export type FeedState =
  /** Perhaps: take again. */
  | 'more'
  /** The end that was set is reached. */
  | 'ended'
  /** The log begins behind the position now. */
  | 'gone'
  /** Nothing came for as long as one waits: the leader has not caught up. */
  | 'stalled';

/** One partition's log, read batch by batch from an offset to an end. */
export interface LogFeed {
  /** The current batch; its memory lasts until the next `take`, `fill`, `seek` or `close`. */
  readonly batch: BatchView;
  /** It belongs to an aborted transaction. */
  readonly isAborted: boolean;
  /** Moves to the next batch at hand; false: there is none. */
  take(): boolean;
  /** Gets more. @throws what no repetition helps against; SHUTTING_DOWN */
  fill(): Promise<FeedState>;
  /** Nothing before this offset is wanted any more. */
  seek(offset: number): void;
  close(): void;
}

/** Where a log begins and ends now. */
export interface LogBounds {
  readonly start: number;
  readonly end: number;
}

/** The two logs of one walk. */
export interface WalkLogs {
  /** Up to what the route may deliver of it; that end moves while it is read. */
  source(from: number): LogFeed;
  /** Up to where it was closed. */
  target(from: number): LogFeed;
}
