import type { ImportedTopic, Mm2ImportBody, Mm2ImportView } from '../../common/api/mm2-shapes.js';
import type { CoordinationStore } from '../../common/coordination/ports.js';
import { progressRoutePath } from '../../common/coordination/znodes.js';
import { CausewayError, isCausewayError } from '../../common/errors/error.js';
import type { ClusterClient } from '../../common/kafka/wire/cluster-client.js';
import { kafkaError } from '../../common/kafka/wire/error-codes.js';
import { listOffsets, TIMESTAMP_EARLIEST, TIMESTAMP_LATEST } from '../../common/kafka/wire/operations/list-offsets.js';
import { mm2OffsetsTopic, mm2WorkerGroup } from '../../common/mm2/connect-offsets.js';
import { isHeartbeatsTopic, separatorOf } from '../../common/model/naming.js';
import { type PartitionStart, type Route, targetTopicOf } from '../../common/model/route.js';
import type { Logger } from '../../common/observability/logger.js';
import { type LogRange, takeOver } from '../core/mm2-takeover.js';
import type { ClusterQuestions } from '../metadata/cluster-clients.js';
import type { ClusterSnapshot, SourceMetadata } from '../metadata/ports.js';
import type { RouteService } from '../rest/route-service.js';
import type { TopicService } from '../rest/topic-service.js';
import { type CopiedOffsets, readCopiedOffsets } from './copied-offsets.js';

/** Who asks waits: a client gives up after half a minute. */
const READ_TIMEOUT_MS = 20_000;
/** Of one request: each is checked and written by itself. */
const MAX_ADDED = 50;

export interface Mm2TakeoverDeps {
  readonly store: Pick<CoordinationStore, 'children'>;
  readonly questions: ClusterQuestions;
  readonly routes: Pick<RouteService, 'get'>;
  readonly topics: Pick<TopicService, 'names' | 'add'>;
  readonly metadata: SourceMetadata;
  readonly logger: Logger;
}

type Copied = ReadonlyMap<number, bigint>;

/** What became of a topic, and with what starts it is to be added. */
interface Verdict {
  readonly view: ImportedTopic;
  readonly starts?: readonly PartitionStart[];
}

/** Adds the topics that MirrorMaker 2 copied to a route, each partition behind the last record that it copied. */
export class Mm2Takeover {
  readonly #deps: Mm2TakeoverDeps;

  constructor(deps: Mm2TakeoverDeps) {
    this.#deps = deps;
  }

  /** @throws ROUTE_UNKNOWN, CLUSTER_UNKNOWN, CLUSTER_UNREACHABLE, TAKEOVER_REFUSED, KAFKA_ERROR... */
  async run(routeName: string, body: Mm2ImportBody): Promise<Mm2ImportView> {
    const { questions, routes, topics } = this.#deps;
    const { route } = await routes.get(routeName);
    const { alias = route.source, cluster = route.target, dryRun } = body;
    const { offsetsTopic = mm2OffsetsTopic(alias) } = body;
    const question = { cluster, timeoutMs: READ_TIMEOUT_MS, wanted: 'what MirrorMaker 2 copied' };
    const found = await questions.ask({ ...question, place: { topic: offsetsTopic } }, (client, signal) =>
      readCopiedOffsets(client, { topic: offsetsTopic, alias, signal }),
    );
    const { isRunning } = found;
    if (isRunning && !dryRun) throw running(alias, cluster);
    const place = { route: route.name, cluster, topic: offsetsTopic };
    const [connector, copied] = connectorOf(found, alias, body.connector, place);
    const all = [...copied.keys()].filter((topic) => !isHeartbeatsTopic(topic, separatorOf(route.naming)));
    const names = [...new Set(body.topics ?? all)].sort();
    const present = new Set(await topics.names(route.name));
    const missing = names.filter((topic) => !present.has(topic));
    const verdicts = new Map((await this.#judged(route, missing, copied)).map((one) => [one.view.topic, one]));
    const toAdd = [...verdicts.values()].filter(({ view }) => view.outcome === 'add');
    const now = dryRun ? [] : toAdd.slice(0, MAX_ADDED);
    for (const { view, starts = [] } of now) {
      verdicts.set(view.topic, { view: await this.#added(route, view, starts, body.paused) });
    }
    const views = names.map((topic) => verdicts.get(topic)?.view ?? presentView(route, topic));
    const more = toAdd.length - now.length;
    return { route: route.name, alias, cluster, offsetsTopic, connector, dryRun, isRunning, topics: views, more };
  }

  async #judged(route: Route, names: readonly string[], copied: ReadonlyMap<string, Copied>): Promise<Verdict[]> {
    if (names.length === 0) return [];
    const { store, metadata, questions } = this.#deps;
    const begun = new Set(await store.children(progressRoutePath(route.name)));
    const [source, target] = await Promise.all([
      metadata.describe(route.source, names),
      metadata.describe(
        route.target,
        names.map((topic) => targetTopicOf(route, topic)),
      ),
    ]);
    const question = { cluster: route.source, timeoutMs: READ_TIMEOUT_MS, wanted: 'where its logs begin and end' };
    const ranges = await questions.ask(question, (client) => rangesOf(client, source));
    return names.map((topic) => {
      const facts = { copied: copied.get(topic) ?? new Map<number, bigint>(), ranges: ranges.get(topic) };
      return judged({ route, topic, ...facts, isBegun: begun.has(topic), source, target });
    });
  }

  async #added(
    route: Route,
    view: ImportedTopic,
    starts: readonly PartitionStart[],
    paused: boolean,
  ): Promise<ImportedTopic> {
    const { topics, logger } = this.#deps;
    try {
      await topics.add(route.name, view.topic, { partitions: 'all', paused, limits: {}, starts });
      logger.info('audit.mm2-topic-imported', { route: route.name, topic: view.topic });
      return { ...view, outcome: 'added' };
    } catch (error) {
      if (!isCausewayError(error)) throw error;
      return { ...view, outcome: 'refused', reason: { code: error.code, message: error.message } };
    }
  }
}

interface Case {
  readonly route: Route;
  readonly topic: string;
  readonly copied: Copied;
  /** The route mirrored it before, and has a position of its own. */
  readonly isBegun: boolean;
  readonly source: ClusterSnapshot;
  readonly target: ClusterSnapshot;
  readonly ranges: readonly LogRange[] | CausewayError | undefined;
}

function judged({ route, topic, copied, isBegun, source, target, ranges }: Case): Verdict {
  const targetTopic = targetTopicOf(route, topic);
  const none = { topic, targetTopic, starts: [], lost: [], reason: null };
  const refused = (code: string, message: string): Verdict => {
    return { view: { ...none, outcome: 'refused', reason: { code, message } } };
  };
  if (copied.size === 0) return refused('TAKEOVER_REFUSED', 'MirrorMaker 2 has copied nothing of it');
  if (isBegun) {
    return refused('TAKEOVER_REFUSED', 'the route mirrored it before, and would go on from its own last position');
  }
  const info = source.topics.get(topic);
  if (info === 'absent') return refused('TOPIC_UNKNOWN_AT_SOURCE', 'the source cluster has no such topic any more');
  if (typeof info !== 'object') return refused('CLUSTER_UNREACHABLE', 'the source cluster does not describe the topic');
  if (typeof target.topics.get(targetTopic) !== 'object') {
    const message = `${route.target} has no topic ${targetTopic}: MirrorMaker 2 copied into another name, and its records would be missing there; check the route’s naming`;
    return refused('TARGET_TOPIC_MISSING', message);
  }
  if (ranges === undefined)
    return refused('CLUSTER_UNREACHABLE', 'the source cluster does not tell where its log ends');
  if (ranges instanceof CausewayError) return refused(ranges.code, ranges.message);
  const taken = takeOver(copied, ranges);
  if ('fault' in taken) return refused('TAKEOVER_REFUSED', taken.fault);
  const starts = taken.starts.map(({ partition, from }) => ({ partition, from: String(from) }));
  const lost = taken.lost.map(({ partition, from, to }) => ({ partition, from: String(from), to: String(to) }));
  return { view: { ...none, outcome: 'add', starts, lost }, starts: taken.starts };
}

/** Of every partition of the topics that are there; or why it cannot be told. */
async function rangesOf(
  client: ClusterClient,
  { topics }: ClusterSnapshot,
): Promise<ReadonlyMap<string, readonly LogRange[] | CausewayError>> {
  const places = [...topics].flatMap(([topic, info]) =>
    typeof info === 'object' ? Array.from({ length: info.partitions }, (_, partition) => ({ topic, partition })) : [],
  );
  const ask = (timestamp: bigint) =>
    listOffsets(
      client,
      'read_uncommitted',
      places.map((place) => ({ ...place, timestamp })),
    );
  const [starts, ends] = [await ask(TIMESTAMP_EARLIEST), await ask(TIMESTAMP_LATEST)];
  const found = new Map<string, LogRange[] | CausewayError>();
  for (const [i, { topic, partition }] of places.entries()) {
    const ranges = found.get(topic) ?? [];
    if (ranges instanceof CausewayError) continue;
    const [start, end] = [starts[i], ends[i]];
    const code = start?.errorCode || end?.errorCode || 0;
    const isKnown = start !== undefined && end !== undefined && code === 0;
    if (isKnown) ranges.push({ start: start.offset, end: end.offset });
    const place = { cluster: client.cluster.name, topic, partition };
    found.set(topic, isKnown ? ranges : kafkaError(code === 0 ? -1 : code, place, 'list the log’s offsets'));
  }
  return found;
}

function connectorOf(
  { connectors }: CopiedOffsets,
  alias: string,
  wanted: string | undefined,
  place: { readonly route: string; readonly cluster: string; readonly topic: string },
): readonly [string, ReadonlyMap<string, Copied>] {
  const known = [...connectors.keys()].sort();
  const name = wanted ?? (known.length === 1 ? known[0] : undefined);
  const copied = name === undefined ? undefined : connectors.get(name);
  if (name !== undefined && copied !== undefined) return [name, copied];
  const names = known.map((one) => `"${one}"`).join(', ');
  const [message, fix] =
    known.length === 0
      ? [
          `no connector has copied from a cluster "${alias}"`,
          'Name the alias that MirrorMaker 2 uses for the source; it writes down how far it is every offset.flush.interval.ms, and when it is stopped.',
        ]
      : [`connectors ${names} have copied from "${alias}"`, 'Name the one whose work this route goes on with.'];
  throw new CausewayError('TAKEOVER_REFUSED', message, { place, fix });
}

function running(alias: string, cluster: string): CausewayError {
  const message = `MirrorMaker 2 is still running: the group ${mm2WorkerGroup(alias)} has members`;
  return new CausewayError('TAKEOVER_REFUSED', message, {
    place: { cluster },
    fix: 'Stop it in an orderly way (SIGTERM), so that it writes down how far it has come, and ask again.',
  });
}

function presentView(route: Route, topic: string): ImportedTopic {
  const targetTopic = targetTopicOf(route, topic);
  return { topic, targetTopic, outcome: 'present', starts: [], lost: [], reason: null };
}
