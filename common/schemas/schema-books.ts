import type { ClusterConnection } from '../model/cluster.js';
import { passesUnreadable } from '../model/record-rules.js';
import type { Route } from '../model/route.js';
import type { Part } from '../rules/document.js';
import type { Schemas } from '../rules/readers.js';
import type { Clock } from '../runtime/clock.js';
import { openRegistry } from './open-registry.js';
import { SchemaBook } from './schema-book.js';

/** The registry that knows the ids in front of one part of a route's records, as its rules see them. */
export type PartSchemas = SchemaBook | Extract<Schemas, { readonly missing: string }>;

/** What the clusters' registries say about their ids; what was looked up is known to all routes. */
export class SchemaBooks {
  readonly #clusters: readonly ClusterConnection[];
  readonly #clock: Clock;
  readonly #books = new Map<string, SchemaBook>();

  constructor(clusters: readonly ClusterConnection[], clock: Clock) {
    this.#clusters = clusters;
    this.#clock = clock;
  }

  /** Rules see the ids of the source, but where the route puts the target's in their place. */
  of({
    source,
    target,
    schemaIds,
    rules,
  }: Pick<Route, 'source' | 'target' | 'schemaIds' | 'rules'>): Record<Part, PartSchemas> {
    // What others find unknown at once would count for these, too: they have books of their own.
    const isPatient = rules !== undefined && passesUnreadable(rules);
    return {
      key: this.#book(schemaIds?.keys === true ? target : source, isPatient),
      value: this.#book(schemaIds?.values === true ? target : source, isPatient),
    };
  }

  #book(cluster: string, isPatient: boolean): PartSchemas {
    const key = JSON.stringify([cluster, isPatient]);
    const known = this.#books.get(key);
    if (known !== undefined) return known;
    const connection = this.#clusters.find(({ name }) => name === cluster)?.schemaRegistry;
    if (connection === undefined)
      return { missing: `the configuration names no schemaRegistry for cluster ${cluster}` };
    const clock = this.#clock;
    const book = new SchemaBook({ cluster, client: openRegistry({ cluster, connection, clock }), clock, isPatient });
    this.#books.set(key, book);
    return book;
  }
}
