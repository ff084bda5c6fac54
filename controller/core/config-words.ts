import { type Route, targetTopicOf } from '../../common/model/route.js';
import type { ClusterIdentity } from './cluster-identity.js';
import { compareText } from './text-order.js';

/** A mirrored topic whose route writes configs at its target. */
export interface ConfigWriter {
  readonly route: Route;
  readonly topic: string;
}

/** Who has the word on a target topic's configs in another one's place. */
export interface ConfigRival extends ConfigWriter {
  /** It writes where the other one reads: the other's values would come back. Otherwise both have one target topic. */
  readonly isWayBack: boolean;
}

interface Edge {
  readonly writer: ConfigWriter;
  readonly from: string;
  readonly to: string;
}

/** Writers by where they write: who might contradict whom. */
export class ConfigWriters {
  readonly #identity: ClusterIdentity;
  readonly #into = new Map<string, Edge[]>();

  constructor(writers: Iterable<ConfigWriter>, identity: ClusterIdentity) {
    this.#identity = identity;
    for (const writer of writers) {
      const edge = edgeOf(writer, identity);
      const edges = this.#into.get(edge.to);
      if (edges === undefined) this.#into.set(edge.to, [edge]);
      else edges.push(edge);
    }
  }

  /** Everybody whose values might come to where those write who are not alone there, themselves included. */
  contenders(writers: readonly ConfigWriter[]): readonly ConfigWriter[] {
    const asked = writers.map((writer) => edgeOf(writer, this.#identity).to);
    const read = new Set(this.#behind(asked).map(({ from }) => from));
    const contested = asked.filter((to) => read.has(to) || (this.#into.get(to) ?? []).length > 1);
    return this.#behind(contested).map(({ writer }) => writer);
  }

  #behind(targets: readonly string[]): Edge[] {
    const edges: Edge[] = [];
    const nodes = new Set(targets);
    // What is added meanwhile is visited, too.
    for (const node of nodes) {
      for (const edge of this.#into.get(node) ?? []) {
        edges.push(edge);
        nodes.add(edge.from);
      }
    }
    return edges;
  }
}

/**
 * Who has the word on one config. Each target topic has one writer, and values never come back to where they were: the first by route and
 * topic is taken, then whoever contradicts none of those before. A target topic is without one only if its own values go round from there.
 */
export class ConfigWords {
  readonly #identity: ClusterIdentity;
  /** By where they write. */
  readonly #words = new Map<string, Edge>();

  /** @param writers everybody who would write this config */
  constructor(writers: readonly ConfigWriter[], identity: ClusterIdentity) {
    this.#identity = identity;
    for (const writer of [...writers].sort(compareWriters)) {
      const edge = edgeOf(writer, identity);
      if (!this.#words.has(edge.to) && !this.#comesFrom(edge.from, edge.to)) this.#words.set(edge.to, edge);
    }
  }

  /** Undefined: the writer has the word itself. */
  rivalOf(writer: ConfigWriter): ConfigRival | undefined {
    const { from, to } = edgeOf(writer, this.#identity);
    const word = this.#words.get(to)?.writer;
    if (word !== undefined) return compareWriters(word, writer) === 0 ? undefined : { ...word, isWayBack: false };
    const back = this.#words.get(from)?.writer;
    return back === undefined ? undefined : { ...back, isWayBack: true };
  }

  /** Does `node` have its values from `origin`, or is it the same? Ends: whoever has the word closes no circle. */
  #comesFrom(node: string, origin: string): boolean {
    for (let at: string | undefined = node; at !== undefined; at = this.#words.get(at)?.from) {
      if (at === origin) return true;
    }
    return false;
  }
}

function edgeOf(writer: ConfigWriter, identity: ClusterIdentity): Edge {
  const { route, topic } = writer;
  const from = `${identity(route.source)}\u0000${topic}`;
  return { writer, from, to: `${identity(route.target)}\u0000${targetTopicOf(route, topic)}` };
}

/** Whoever waits for an operator's word has none where somebody else writes by itself. */
function compareWriters(a: ConfigWriter, b: ConfigWriter): number {
  return (
    Number(a.route.metadata === 'manual') - Number(b.route.metadata === 'manual') ||
    compareText(a.route.name, b.route.name) ||
    compareText(a.topic, b.topic)
  );
}
