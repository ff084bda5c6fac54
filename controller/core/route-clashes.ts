import { asideTopics, mergesPartitions } from '../../common/model/record-rules.js';
import { type Route, sourceTopicOf, targetTopicOf } from '../../common/model/route.js';
import { topicNameFault } from '../../common/model/topic-partition.js';
import { byName, type ClusterIdentity } from './cluster-identity.js';
import { metricName } from './conflicts.js';
import { literalName, sampleNames } from './pattern-samples.js';
import type { TopicRules } from './selection.js';

/** Names that are tried of one route. */
const MAX_NAMES = 5_000;

/** Two topics, chosen by what routes say of themselves, that could not both be mirrored. */
export interface RouteClash {
  /** Both topics are named one by one: it is no matter of what there will be. */
  readonly isCertain: boolean;
  readonly message: string;
}

export interface ClashWorld {
  readonly others: readonly Route[];
  /** Of a route's selection, compiled. */
  readonly rulesOf: (route: Route) => TopicRules;
  /** Topics of whatever clusters that are mirrored now: likely names. */
  readonly names: readonly string[];
  readonly identity?: ClusterIdentity;
}

/**
 * Where the route's patterns meet another route's, or its own, or what is sent aside, in one target topic. Names are tried, so that
 * each that is found is true; patterns that meet only in names that nobody thought of are found when such a topic comes.
 * At most one for each other route.
 */
export function routeClashes(route: Route, world: ClashWorld): readonly RouteClash[] {
  const { others, identity = byName } = world;
  const twice = namedTwice(route);
  const rivals = [route, ...others.filter(({ name }) => name !== route.name)].filter(
    ({ target }) => identity(target) === identity(route.target),
  );
  const clashes = rivals.flatMap((other) => {
    const found = [...meetings(route, other, world), ...crossings(route, other, world)];
    const [clash] = found.toSorted((a, b) => Number(b.isCertain) - Number(a.isCertain));
    return clash === undefined ? [] : [clash];
  });
  return twice === undefined ? clashes : [twice, ...clashes];
}

/** Two topics of one map go to one target topic. */
function namedTwice({ naming, partitionMapping }: Route): RouteClash | undefined {
  if (naming.policy !== 'map' || mergesPartitions(partitionMapping)) return undefined;
  const taken = new Map<string, string>();
  for (const [topic, target] of Object.entries(naming.topics)) {
    const rival = taken.get(metricName(target));
    if (rival !== undefined) {
      return { isCertain: true, message: `the naming gives topics ${rival} and ${topic} one target topic, ${target}` };
    }
    taken.set(metricName(target), topic);
  }
  return undefined;
}

function meetings(route: Route, other: Route, world: ClashWorld): RouteClash[] {
  if (route.selection === undefined || other.selection === undefined) return [];
  const isOne = other.name === route.name;
  const mayShare = isOne
    ? mergesPartitions(route.partitionMapping)
    : route.delivery === 'transactional' && other.delivery === 'transactional';
  const clashes: RouteClash[] = [];
  const candidates = namesOf([route, other], world);
  const sources = sourcesByTarget(other, candidates, world);
  for (const topic of candidates) {
    if (!takes(route, topic, world)) continue;
    const target = targetTopicOf(route, topic);
    for (const rival of sourcesOf(other, target, sources, world)) {
      if (isOne && rival === topic) continue;
      const taken = targetTopicOf(other, rival);
      if (taken === target && mayShare) continue;
      const isCertain = isNamed(route, topic) && isNamed(other, rival);
      // Every pattern with a dot takes such pairs; they are rare.
      if (taken !== target && !isCertain) continue;
      const whose = isOne
        ? `its topics ${topic} and ${rival}`
        : `its topic ${topic} and topic ${rival} of route ${other.name}`;
      const where =
        taken === target
          ? `target topic ${target} of cluster ${route.target}`
          : `target topics ${target} and ${taken} of cluster ${route.target}, which Kafka does not tell apart`;
      clashes.push({ isCertain, message: `${whose} would ${isCertain ? '' : 'be selected and '}go into ${where}` });
      if (isCertain) return clashes;
    }
  }
  return clashes;
}

/** What rules and dead letters bring elsewhere, and what is mirrored there. */
function crossings(route: Route, other: Route, world: ClashWorld): RouteClash[] {
  const pairs =
    other.name === route.name
      ? [[route, other] as const]
      : ([
          [route, other],
          [other, route],
        ] as const);
  return pairs.flatMap(([sender, mirror]) =>
    asideTopics(sender).flatMap((diverted) => {
      const sources = sourcesByTarget(mirror, namesOf([mirror], world), world);
      const found = sourcesOf(mirror, diverted, sources, world);
      const topic = found.find((one) => targetTopicOf(mirror, one) === diverted);
      if (topic === undefined) return [];
      const whose = sender.name === route.name ? 'it sends' : `route ${sender.name} sends`;
      const by = mirror.name === route.name ? 'its selection takes' : `route ${mirror.name} selects`;
      const message = `${whose} records aside to topic ${diverted} of cluster ${route.target}, and ${by} topic ${topic}, which is mirrored into it`;
      return [{ isCertain: isNamed(mirror, topic), message }];
    }),
  );
}

/** Of names that the route takes, those that go to one target topic, or to ones that metrics call alike. */
type Sources = ReadonlyMap<string, readonly string[]>;

function sourcesByTarget(route: Route, candidates: readonly string[], world: ClashWorld): Sources {
  const sources = new Map<string, string[]>();
  for (const topic of candidates) {
    if (!takes(route, topic, world)) continue;
    const target = metricName(targetTopicOf(route, topic));
    const known = sources.get(target);
    if (known === undefined) sources.set(target, [topic]);
    else known.push(topic);
  }
  return sources;
}

/** Topics that the route takes whose target topic would be this one, or one that metrics call alike. */
function sourcesOf(route: Route, target: string, sources: Sources, world: ClashWorld): readonly string[] {
  const spellings = [target, target.replaceAll('.', '_'), target.replaceAll('_', '.')];
  const inverse = spellings.flatMap((spelling) => sourceTopicOf(route, spelling) ?? []);
  const taken = inverse.filter((topic) => takes(route, topic, world));
  return [...new Set([...taken, ...(sources.get(metricName(target)) ?? [])])];
}

function takes(route: Route, topic: string, { rulesOf }: ClashWorld): boolean {
  if (route.selection === undefined || topicNameFault(topic) !== undefined) return false;
  const rules = rulesOf(route);
  const isOut = rules.excluded(topic) !== undefined || rules.denied(topic) !== undefined;
  return !isOut && rules.included(topic) !== undefined;
}

function isNamed({ selection }: Route, topic: string): boolean {
  return selection?.include.some((pattern) => literalName(pattern) === topic) === true;
}

function namesOf(routes: readonly Route[], { names }: ClashWorld): readonly string[] {
  const own = routes.flatMap(({ selection, naming }) => [
    ...(selection?.include.flatMap(sampleNames) ?? []),
    ...(naming.policy === 'map' ? Object.keys(naming.topics) : []),
  ]);
  return [...new Set([...own, ...names])].slice(0, MAX_NAMES);
}
