import type { CoordinationStore } from '../../common/coordination/ports.js';
import { decodeVanished, encodeVanished } from '../../common/coordination/records/vanished.js';
import { vanishedPath } from '../../common/coordination/znodes.js';
import type { Clock } from '../../common/runtime/clock.js';
import { compareText } from '../core/text-order.js';
import type { Term } from '../loop/leader-works.js';

/** More at once are no sign of anybody's wish, and none of them is deleted by itself. */
const MAX_REMEMBERED = 1_000;

/** Since when source topics are gone, kept across reigns and restarts. */
export class VanishedTopics {
  readonly #store: Pick<CoordinationStore, 'get'>;
  readonly #clock: Clock;

  constructor(store: Pick<CoordinationStore, 'get'>, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /**
   * Takes down what was just seen: what came back is forgotten, and what is new is gone from now on.
   * @param gone the route's topics that the source does not have, as all of them were seen at once
   * @returns since when each of them is gone, in ms of the wall clock, and those that came back
   */
  async note(
    term: Pick<Term, 'write'>,
    route: string,
    { gone, clusterId }: { readonly gone: readonly string[]; readonly clusterId: string | null },
  ): Promise<{ readonly since: ReadonlyMap<string, number>; readonly returned: readonly string[] }> {
    const path = vanishedPath(route);
    const node = await this.#store.get(path);
    if (node === undefined && gone.length === 0) return { since: new Map(), returned: [] };
    const before = node === undefined ? undefined : decodeVanished(node.data, path);
    // Another cluster under the same name: what was gone from the first begins to be gone from this one.
    const known = new Map(
      before?.clusterId === clusterId ? before.topics.map(({ topic, since }) => [topic, since]) : [],
    );
    const now = new Date(this.#clock.wallMs()).toISOString();
    const topics = [...gone].sort(compareText).map((topic) => ({ topic, since: known.get(topic) ?? now }));
    const returned = (before?.topics ?? []).map(({ topic }) => topic).filter((topic) => !gone.includes(topic));
    const data = encodeVanished({ route, clusterId, topics: topics.slice(0, MAX_REMEMBERED) });
    if (node === undefined) {
      await term.write([{ type: 'create', path, data }]);
    } else if (!node.data.equals(data)) {
      await term.write([
        topics.length === 0
          ? { type: 'remove', path, version: node.version }
          : { type: 'set', path, data, version: node.version },
      ]);
    }
    return { since: new Map(topics.map(({ topic, since }) => [topic, Date.parse(since)])), returned };
  }
}
