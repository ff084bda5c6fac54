/**
 * Beyond so many watched paths, the whole tree is watched at the server instead: a reconnect then costs one request, not thousands
 * (fault Z5). A worker watches two paths, a leader a dozen.
 */
export const MAX_WATCHED_PATHS = 64;

/**
 * Which paths a store watches at its server. Only those that somebody asked for: with a watch on the root, every one of a fleet's workers
 * would be told of every node that the leader writes, which keeps the server busier than the writing (reliability.md A9).
 */
export class WatchSet {
  readonly #root: string;
  readonly #holds = new Map<string, number>();
  /** What the present connection has asked for. */
  readonly #asked = new Set<string>();
  #isWhole = false;

  /** @param root absolute path of the store's `/` */
  constructor(root: string) {
    this.#root = root;
  }

  /** @param path absolute */
  hold(path: string): void {
    this.#holds.set(path, (this.#holds.get(path) ?? 0) + 1);
    if (this.#holds.size > MAX_WATCHED_PATHS) this.#isWhole = true;
  }

  /** @returns true when the server is to be told that nobody watches the path any more */
  release(path: string): boolean {
    const holds = (this.#holds.get(path) ?? 0) - 1;
    if (holds > 0) this.#holds.set(path, holds);
    else this.#holds.delete(path);
    return holds <= 0 && !this.#isWhole && this.#asked.delete(path);
  }

  /** A connection has no watches to begin with. */
  forgetAsked(): void {
    this.#asked.clear();
  }

  /** Paths that the server must still be asked to watch; they count as asked for from now on. */
  takeMissing(): string[] {
    const wanted = this.#isWhole ? [this.#root] : [...this.#holds.keys()];
    const missing = wanted.filter((path) => !this.#asked.has(path));
    for (const path of missing) this.#asked.add(path);
    return missing;
  }
}
