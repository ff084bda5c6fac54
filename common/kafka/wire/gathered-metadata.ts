/** The next request. */
interface Gathering<M> {
  readonly topics: Set<string>;
  readonly answer: Promise<M>;
}

interface OfTopics<T> {
  readonly topics: ReadonlyMap<string, T>;
}

/**
 * Asks a cluster for metadata one request at a time: what is asked for while one is under way goes into the next one together. No answer is
 * older than its question, and a worker that takes over hundreds of partitions needs a handful of requests instead of some for each.
 */
export class GatheredMetadata<T, M extends OfTopics<T>> {
  readonly #ask: (topics: readonly string[]) => Promise<M>;
  #underWay: Promise<unknown> | undefined;
  #next: Gathering<M> | undefined;

  /** @param ask one request for these topics */
  constructor(ask: (topics: readonly string[]) => Promise<M>) {
    this.#ask = ask;
  }

  /** Of these topics and no others, from a request that is sent after this call. */
  async of(topics: readonly string[]): Promise<M> {
    this.#next ??= this.#gather();
    const { topics: gathered, answer } = this.#next;
    for (const topic of topics) gathered.add(topic);
    const metadata = await answer;
    const own = topics.flatMap((topic) => {
      const found = metadata.topics.get(topic);
      return found === undefined ? [] : [[topic, found] as const];
    });
    return { ...metadata, topics: new Map(own) };
  }

  #gather(): Gathering<M> {
    const topics = new Set<string>();
    // Also after a failure, which concerns those who asked for it; everything that is asked within one turn goes together.
    const before = this.#underWay?.catch(() => undefined) ?? Promise.resolve();
    const answer = before.then(() => {
      this.#next = undefined;
      const asked = this.#ask([...topics]);
      this.#underWay = asked;
      return asked;
    });
    return { topics, answer };
  }
}
