import type { Leader } from '../cluster/leaders.js';
import type { BrokerFetcher } from './broker-fetcher.js';
import type { Feed } from './feed.js';
import type { ChannelKind } from './fetch-channel.js';
import { LIVE, type PaceState } from './pace.js';
import { ReadReplica } from './read-replica.js';

/** A feed and where it is read. */
export class PlacedFeed {
  readonly feed: Feed;
  readonly replica: ReadReplica;
  pace: PaceState = LIVE;
  /** Under whose leadership it is read, or will be once that leader's log is found to hold what was read so far. */
  leader: Leader | undefined;
  /** That has been found. */
  joined = false;
  #fetcher: BrokerFetcher | undefined;
  /** Where it is about to be read. */
  #next: BrokerFetcher | undefined;

  constructor(feed: Feed, rack: string) {
    this.feed = feed;
    this.replica = new ReadReplica(rack);
  }

  isOn({ broker, pace, rack }: ChannelKind): boolean {
    const channel = (this.#next ?? this.#fetcher)?.channel;
    return channel?.broker === broker && channel.pace === pace && channel.rack === rack;
  }

  /** Who reads it, or is about to. */
  get reader(): BrokerFetcher | undefined {
    return this.#fetcher ?? this.#next;
  }

  touch(): void {
    this.#fetcher?.touch(this.feed);
  }

  /** Nobody reads it any more; gives the fetcher that did. */
  leave(): BrokerFetcher | undefined {
    const left = this.#fetcher;
    this.#next?.remove(this.feed);
    left?.remove(this.feed);
    this.#next = undefined;
    this.#fetcher = undefined;
    return left;
  }

  /** Read there as soon as that fetcher sends its next request; by the present one until then. */
  moveTo(fetcher: BrokerFetcher): void {
    this.#next?.remove(this.feed);
    this.#next = fetcher;
    fetcher.add(this.feed, () => {
      this.#fetcher?.remove(this.feed);
      this.#fetcher = fetcher;
      this.#next = undefined;
    });
  }
}
