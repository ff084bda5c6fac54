import type { RulesTestOrder, RulesTestView, RulesView } from '../../common/api/rules-shapes.js';
import { recordRulesFrom } from '../../common/config/record-rules-schema.js';
import { CausewayError } from '../../common/errors/error.js';
import { rulesVersionOf } from '../../common/model/record-rules.js';
import type { Route } from '../../common/model/route.js';
import type { WorkerStatus } from '../../common/model/status.js';
import type { RouteEnds } from '../../common/rules/provenance.js';
import { partReaders } from '../../common/rules/readers.js';
import type { SchemaBooks } from '../../common/schemas/schema-books.js';
import type { SourceMetadata, TopicInfo } from '../metadata/ports.js';
import { checkRules } from '../rest/route-rules.js';
import type { RouteService } from '../rest/route-service.js';
import type { PartitionSample, RecordSamples } from './record-samples.js';
import { RulesTrial, type Trial } from './rules-trial.js';

/** How often records are looked at for the schema ids in them. */
const MAX_READINGS = 4;

export interface RulesServiceDeps {
  readonly routes: Pick<RouteService, 'get'>;
  readonly metadata: SourceMetadata;
  readonly samples: RecordSamples;
  readonly secrets: ReadonlyMap<string, string>;
  readonly books: SchemaBooks;
  /** What the living workers say. */
  readonly statuses: () => Promise<ReadonlyMap<string, WorkerStatus>>;
}

/** A route's rules: what they have done, and what they would do. */
export class RulesService {
  readonly #deps: RulesServiceDeps;

  constructor(deps: RulesServiceDeps) {
    this.#deps = deps;
  }

  /** @throws ROUTE_UNKNOWN */
  async view(name: string): Promise<RulesView> {
    const { route } = await this.#deps.routes.get(name);
    const statuses = await this.#deps.statuses();
    const counts = new Map<string, RulesView['counts'][number]>();
    for (const { rules = [] } of statuses.values()) {
      for (const { route: of, rule, outcome, count } of rules) {
        if (of !== name) continue;
        const key = `${rule}/${outcome}`;
        counts.set(key, { rule, outcome, records: count + (counts.get(key)?.records ?? 0) });
      }
    }
    return {
      route: name,
      version: rulesVersionOf(route),
      rules: route.rules === undefined ? null : (structuredClone(route.rules) as RulesView['rules']),
      counts: [...counts.values()],
      workers: statuses.size,
    };
  }

  /** @throws ROUTE_UNKNOWN, ROUTE_INVALID, TOPIC_UNKNOWN_AT_SOURCE, PARTITIONS_BEYOND_SOURCE, CLUSTER_UNREACHABLE */
  async test(name: string, order: RulesTestOrder): Promise<RulesTestView> {
    const { route } = await this.#deps.routes.get(name);
    const { topic, limit, show } = order;
    const rules = order.rules === undefined ? route.rules : recordRulesFrom(order.rules);
    if (rules === undefined && route.provenance !== true) {
      throw new CausewayError('ROUTE_INVALID', 'the route has no rules', {
        place: { route: name },
        fix: 'Give the rules to be tried in the request.',
      });
    }
    const { rules: _, ...rest } = route;
    checkRules(rules === undefined ? rest : { ...rest, rules }, this.#deps.secrets);
    const { info, clusterId } = await this.#describe(route, topic);
    const partitions = partitionsOf(order, info, route);
    const samples = await this.#deps.samples.read({
      cluster: route.source,
      topic,
      partitions,
      limit: Math.ceil(limit / partitions.length),
      isolation: route.isolation,
      ...(order.from === undefined ? {} : { from: BigInt(order.from) }),
    });
    const { records, counts } = await this.#tried(samples, {
      ...{ route, rules, topic, show },
      topicId: info.topicId,
      secrets: this.#deps.secrets,
      ends: await this.#ends(route, clusterId),
    });
    const isCutOff = samples.some((sample) => sample.isCutOff);
    return { route: name, topic, records, counts, isCutOff };
  }

  /** As often as ids have to be looked up for it: what is in front of the records, and of what rules left of them. */
  async #tried(
    samples: readonly PartitionSample[],
    trial: Omit<Trial, 'readers'>,
  ): Promise<Pick<RulesTestView, 'records' | 'counts'>> {
    // Here the records have the source's ids, whatever the route puts in their place.
    const books = this.#deps.books.of({ source: trial.route.source, target: trial.route.target });
    const readers = partReaders(trial.rules ?? {}, books);
    for (let reading = 1; ; reading += 1) {
      const one = new RulesTrial({ ...trial, readers });
      const records = samples.flatMap((sample) => one.tried(sample));
      const wanted = (['key', 'value'] as const).filter((part) => one.wanted[part].size > 0);
      if (wanted.length === 0) return { records, counts: [...one.counts] };
      if (reading === MAX_READINGS) {
        throw new CausewayError(
          'REGISTRY_UNREACHABLE',
          'the records have more schema ids than can be remembered at a time',
        );
      }
      for (const part of wanted) {
        const book = books[part];
        if (!('missing' in book)) await book.learn(one.wanted[part]);
      }
    }
  }

  async #describe(
    route: Route,
    topic: string,
  ): Promise<{ readonly info: TopicInfo; readonly clusterId: string | null }> {
    const { topics, clusterId } = await this.#deps.metadata.describe(route.source, [topic]);
    const info = topics.get(topic);
    if (info !== undefined && info !== 'absent' && info !== 'unknown') return { info, clusterId };
    throw new CausewayError(
      'TOPIC_UNKNOWN_AT_SOURCE',
      `cluster ${route.source} has no such topic, or does not show it`,
      {
        place: { route: route.name, topic },
      },
    );
  }

  async #ends(route: Route, source: string | null): Promise<RouteEnds | undefined> {
    if (route.provenance !== true || source === null) return undefined;
    const { clusterId: target } = await this.#deps.metadata.describe(route.target, []);
    return target === null ? undefined : { source, target };
  }
}

function partitionsOf({ partition, limit }: RulesTestOrder, info: TopicInfo, route: Route): readonly number[] {
  if (partition === undefined) return Array.from({ length: Math.min(info.partitions, limit) }, (_, number) => number);
  if (partition < info.partitions) return [partition];
  const message = `the source topic has ${info.partitions} partitions, and none of number ${partition}`;
  throw new CausewayError('PARTITIONS_BEYOND_SOURCE', message, { place: { route: route.name, partition } });
}
