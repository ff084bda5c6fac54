import type { RuleRecord } from './record-in-hand.js';

/** Headers that tell where a record was first produced, and which clusters it came through. Values are UTF-8 text. */
const ORIGIN_CLUSTER = 'causeway.origin.cluster';
const ORIGIN_TOPIC = 'causeway.origin.topic';
const ORIGIN_PARTITION = 'causeway.origin.partition';
const ORIGIN_OFFSET = 'causeway.origin.offset';
/** Ids of the clusters it was copied from, the first one first, with commas between. */
const PATH = 'causeway.path';

/** A chain of more clusters is a circle that somebody closed without us; the record goes no further. */
const MAX_CLUSTERS = 16;

const OURS: ReadonlySet<string> = new Set([ORIGIN_CLUSTER, ORIGIN_TOPIC, ORIGIN_PARTITION, ORIGIN_OFFSET, PATH]);
const PREFIX = Buffer.from('causeway.');
const PATH_KEY = Buffer.from(PATH);

type Headers = RuleRecord['headers'];

/** The two ends of a route, by the clusters' own ids. */
export interface RouteEnds {
  readonly source: string;
  readonly target: string;
}

/**
 * Writes into each copied record where it comes from, and recognises those that have been at the target before: a record that would come
 * back is dropped, so that two clusters can mirror one topic into each other.
 */
export class Provenance {
  readonly #ends: RouteEnds;
  readonly #place: Headers;

  constructor(ends: RouteEnds, { topic, partition }: { readonly topic: string; readonly partition: number }) {
    this.#ends = ends;
    this.#place = [
      header(ORIGIN_CLUSTER, ends.source),
      header(ORIGIN_TOPIC, topic),
      header(ORIGIN_PARTITION, String(partition)),
    ];
  }

  /** It has been at the target: there it is already. */
  isReturning(headers: Headers): boolean {
    const path = pathOf(headers);
    return path !== undefined && (path.includes(this.#ends.target) || path.length >= MAX_CLUSTERS);
  }

  /**
   * The headers to write: the origin stays that of the first cluster, the path grows.
   * @param found as the record had them at the source: no rule can take the loop guard away
   * @param left what the rules left
   */
  marked(found: Headers, left: Headers, offset: number): Headers {
    const own = left.filter(([key]) => !isOurs(key));
    const path = pathOf(found);
    if (path === undefined) {
      return [...own, ...this.#place, header(ORIGIN_OFFSET, String(offset)), header(PATH, this.#ends.source)];
    }
    const origin = found.filter(([key]) => isOurs(key) && !key.equals(PATH_KEY));
    return [...own, ...origin, header(PATH, [...path, this.#ends.source].join(','))];
  }
}

function header(name: string, value: string): readonly [Buffer, Buffer] {
  return [Buffer.from(name), Buffer.from(value)];
}

function isOurs(key: Buffer): boolean {
  return (
    key.length > PREFIX.length &&
    key.compare(PREFIX, 0, PREFIX.length, 0, PREFIX.length) === 0 &&
    OURS.has(key.toString())
  );
}

/** Clusters that the record came from; undefined: it was produced where it lies. */
function pathOf(headers: Headers): readonly string[] | undefined {
  const found = headers.find(([key]) => key.equals(PATH_KEY));
  return found === undefined ? undefined : (found[1]?.toString('utf8').split(',') ?? []);
}
