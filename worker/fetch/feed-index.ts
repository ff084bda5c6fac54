import type { Feed } from './feed.js';

/** The feeds of one fetcher, found by what a broker's answer calls them: newer Fetch versions name topics by id, older ones by name. */
export class FeedIndex {
  readonly #feeds = new Map<string, { readonly feed: Feed; readonly names: readonly string[] }>();
  readonly #byTopic = new Map<string, Map<number, Feed>>();

  get size(): number {
    return this.#feeds.size;
  }

  has(feed: Feed): boolean {
    return this.#feeds.get(feed.key)?.feed === feed;
  }

  add(feed: Feed): void {
    const { topic, topicId, partition } = feed;
    const names = topicId === null ? [topic] : [topic, topicId];
    this.#feeds.set(feed.key, { feed, names });
    for (const name of names) {
      const partitions = this.#byTopic.get(name) ?? new Map<number, Feed>();
      this.#byTopic.set(name, partitions.set(partition, feed));
    }
  }

  remove(feed: Feed): boolean {
    const entry = this.#feeds.get(feed.key);
    if (entry?.feed !== feed) return false;
    this.#feeds.delete(feed.key);
    for (const name of entry.names) {
      const partitions = this.#byTopic.get(name);
      if (partitions?.get(feed.partition) === feed) partitions.delete(feed.partition);
      if (partitions?.size === 0) this.#byTopic.delete(name);
    }
    return true;
  }

  find(topic: string, topicId: string | null, partition: number): Feed | undefined {
    return this.#byTopic.get(topicId ?? topic)?.get(partition);
  }
}
