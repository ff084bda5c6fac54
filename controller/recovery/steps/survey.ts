import { CausewayError, messageOf } from '../../../common/errors/error.js';
import { mergesPartitions } from '../../../common/model/record-rules.js';
import type { Recovery } from '../../../common/model/recovery.js';
import { isRetired, type Route, type TopicEntry, targetTopicOf } from '../../../common/model/route.js';
import { isInStep } from '../../core/recovery-points.js';
import { hasActed, isInTheWay, type StepOutcome } from '../../core/recovery-state.js';
import type { ClusterSnapshot } from '../../metadata/ports.js';
import { Findings } from '../findings.js';
import { routeOf } from '../legs.js';
import type { StepContext, StepHandler } from '../ports.js';
import { allRecoveries } from '../records.js';
import { within } from '../within.js';
import { judgeSchemas } from './survey-schemas.js';
import { reverseOf } from './survey-way-back.js';

const MAX_ROWS = 100;
/** Of what a program works on at once; its record holds a line for each partition. */
const MAX_TOPICS = 5_000;
const MAX_PARTITIONS = 20_000;
const DRIFT_TIMEOUT_MS = 20_000;
const RIGHTS_TIMEOUT_MS = 15_000;

/** Pre-checks: clusters, topics, the way back, what else is under way. */
export const survey: StepHandler = {
  look: (context) => examine(context),
  run: (context) => examine(context),
};

async function examine(context: StepContext): Promise<StepOutcome> {
  const { recovery, world } = context;
  const findings = new Findings();
  const route = await routeOf(world, recovery.route);
  const origin = await originOf(context, findings);
  const topics = await topicsOf(context, route, origin, findings);
  const [source, target] = await Promise.all([
    snapshotOf(context, route.source, topics),
    snapshotOf(
      context,
      route.target,
      topics.map((topic) => targetTopicOf(route, topic)),
    ),
  ]);
  judgeClusters(recovery, route, { source, target }, findings);
  if (source.kind === 'there' && target.kind === 'there')
    judgeTopics(route, topics, source.snapshot, target.snapshot, findings);
  const reverse = await reverseOf(context, route, topics, findings);
  await judgeDrift(context, route, findings);
  await judgeSchemas(context, route, reverse, findings);
  await judgeOthers(context, findings);
  judgeMeans(context, findings);
  await judgeRights(context, route, findings);
  const evidence = { topics: topics.length, reverse: reverse ?? '-', ...findings.evidence };
  const blocking = findings.blocking;
  const isBlocked = blocking.length > 0 && !(recovery.options.force && isForcible(findings));
  if (isBlocked && !recovery.dryRun) {
    return { kind: 'failed', message: blocking.slice(0, 5).join('; '), evidence };
  }
  const found = {
    topics,
    ...(reverse === undefined ? {} : { reverse }),
    ...(origin === undefined ? {} : { origin: origin.id }),
  };
  const points = origin?.facts.out.points?.filter(({ topic }) => topics.includes(topic));
  return { kind: 'done', evidence, found, ...(points === undefined ? {} : { facts: { points } }) };
}

/** Force passes what an operator may know better; nothing makes up for a cluster that is needed and does not answer, or a topic that is not there. */
function isForcible(findings: Findings): boolean {
  return findings.rows.every(({ verdict, check }) => verdict !== 'block' || FORCIBLE.has(check));
}

const FORCIBLE: ReadonlySet<string> = new Set(['source answers', 'drift', 'partitions', 'schemas']);

async function topicsOf(
  { recovery, world }: StepContext,
  route: Route,
  origin: Recovery | undefined,
  findings: Findings,
): Promise<readonly string[]> {
  const { kind, id, asked } = recovery;
  // A failback is about what its failover took off the workers; all others about what is copied now.
  const isWanted = (entry: TopicEntry): boolean =>
    kind === 'failback' ? origin !== undefined && entry.retired?.by === origin.id : !isRetired(entry);
  const entries = (await world.fleet.entries(route.name)).map(({ value }) => value);
  // Where it is tried again, some may be retired already, by this very program.
  const own = entries.filter((entry) => isWanted(entry) || entry.retired?.by === id).map(({ topic }) => topic);
  const missing = asked.filter((topic) => !own.includes(topic));
  const what = kind === 'failback' ? 'one that the failover stopped' : 'copied by the route';
  for (const topic of missing) findings.add('topics', 'block', `topic ${topic} is not ${what}`);
  const topics = own.filter((topic) => asked.length === 0 || asked.includes(topic)).sort();
  if (topics.length === 0) findings.add('topics', 'block', 'the route has no topics to work on');
  if (topics.length > MAX_TOPICS) {
    findings.add('topics', 'block', `${topics.length} topics are more than ${MAX_TOPICS}: name fewer`);
  }
  if (missing.length === 0 && topics.length > 0) findings.add('topics', 'ok', `${topics.length} topics`);
  return topics;
}

type Seen =
  | { readonly kind: 'there'; readonly snapshot: ClusterSnapshot }
  | { readonly kind: 'silent'; readonly why: string };

async function snapshotOf({ world }: StepContext, cluster: string, topics: readonly string[]): Promise<Seen> {
  try {
    return { kind: 'there', snapshot: await world.metadata.describe(cluster, topics) };
  } catch (error) {
    if (!(error instanceof CausewayError)) throw error;
    return { kind: 'silent', why: messageOf(error) };
  }
}

function judgeClusters(
  { kind }: Recovery,
  { source, target }: Route,
  seen: { readonly source: Seen; readonly target: Seen },
  findings: Findings,
): void {
  if (seen.target.kind === 'there') findings.add('target answers', 'ok', `cluster ${target}`);
  else findings.add('target answers', 'block', `cluster ${target}: ${seen.target.why}`);
  if (kind !== 'failover') {
    if (seen.source.kind === 'there') findings.add('source answers', 'ok', `cluster ${source}`);
    else findings.add('source silent', 'block', `cluster ${source}: ${seen.source.why}`);
    return;
  }
  if (seen.source.kind === 'silent')
    findings.add('source answers', 'ok', `cluster ${source} does not: ${seen.source.why}`);
  else {
    const advice = 'a switchover loses nothing; force goes on all the same';
    findings.add('source answers', 'block', `cluster ${source} answers: ${advice}`);
  }
}

function judgeTopics(
  route: Route,
  topics: readonly string[],
  source: ClusterSnapshot,
  target: ClusterSnapshot,
  findings: Findings,
): void {
  let partitions = 0;
  let matching = 0;
  for (const topic of topics) {
    const at = source.topics.get(topic);
    const name = targetTopicOf(route, topic);
    const to = target.topics.get(name);
    if (typeof at !== 'object')
      findings.add('topics', 'block', `cluster ${route.source} does not describe topic ${topic}`);
    else if (typeof to !== 'object')
      findings.add('topics', 'block', `cluster ${route.target} does not describe topic ${name}`);
    else {
      partitions += at.partitions;
      if (isInStep(route, { source: at.partitions, target: to.partitions })) matching += 1;
      else
        findings.add(
          'partitions',
          'block',
          `topic ${topic} has ${at.partitions} partitions, ${name} has ${to.partitions}`,
        );
    }
  }
  const isMerging = mergesPartitions(route.partitionMapping);
  const told = isMerging ? `room for their ${partitions} partitions` : `the same ${partitions} partitions at both ends`;
  if (matching > 0) findings.add('partitions', 'ok', `${matching} topics have ${told}`);
  if (partitions > MAX_PARTITIONS) {
    findings.add('topics', 'block', `${partitions} partitions are more than ${MAX_PARTITIONS}: name fewer topics`);
  }
}

/** Of a failback: the failover that it undoes. */
async function originOf({ recovery, world }: StepContext, findings: Findings): Promise<Recovery | undefined> {
  if (recovery.kind !== 'failback') return undefined;
  const latest = (await allRecoveries(world.store)).findLast(
    ({ kind, route, state, dryRun }) => kind === 'failover' && route === recovery.route && state === 'done' && !dryRun,
  );
  if (latest?.facts.out.points === undefined) {
    findings.add(
      'failover',
      'block',
      'no failover of this route is remembered: there is no common point to go back to',
    );
    return undefined;
  }
  findings.add('failover', 'ok', `${latest.id} of ${latest.createdAt}, ${latest.facts.out.points.length} partitions`);
  return latest;
}

async function judgeDrift(context: StepContext, route: Route, findings: Findings): Promise<void> {
  const { recovery, world, signal } = context;
  if (world.drift === undefined || recovery.kind === 'failover') return;
  try {
    const asked = world.drift.drift(route.name, signal);
    const { items, unread } = await within(context, DRIFT_TIMEOUT_MS, 'comparing the metadata', asked);
    const differing = items.filter(({ action }) => action !== 'report');
    if (differing.length === 0 && unread.length === 0)
      findings.add('drift', 'ok', 'topics, configs and rights are in step');
    for (const { kind, reason } of differing.slice(0, MAX_ROWS)) findings.add('drift', 'warn', `${kind}: ${reason}`);
    for (const { part, message } of unread) findings.add('drift', 'warn', `${part} cannot be told: ${message}`);
  } catch (error) {
    if (!(error instanceof CausewayError)) throw error;
    findings.add('drift', 'warn', `cannot be told: ${messageOf(error)}`);
  }
}

/** Two that were ordered at the same moment: the later one waits; and one that is tried again, for whichever is at work by then. */
async function judgeOthers({ recovery, world }: StepContext, findings: Findings): Promise<void> {
  if (recovery.dryRun || recovery.kind === 'drill') return;
  const { id, route, createdAt } = recovery;
  const other = (await allRecoveries(world.store)).find((one) => {
    const isEarlier = one.createdAt < createdAt || (one.createdAt === createdAt && one.id < id);
    return (
      one.id !== id && isInTheWay(one) && (isEarlier || hasActed(one)) && (one.route === route || one.reverse === route)
    );
  });
  if (other === undefined) findings.add('alone', 'ok', 'no other program works on the route');
  else findings.add('alone', 'block', `${other.id} works on the route`);
}

/** A denial that cannot be written is found out now, not when everything else is done. */
async function judgeRights(context: StepContext, { source, target }: Route, findings: Findings): Promise<void> {
  const { kind, options } = context.recovery;
  if (options.fencePrincipals.length === 0 && !options.readOnlySource) return;
  const cluster = kind === 'failback' ? target : source;
  try {
    await within(context, RIGHTS_TIMEOUT_MS, 'reading its rights', context.world.rights.list(cluster));
    findings.add('rights', 'ok', `cluster ${cluster} keeps rights, and shows them`);
  } catch (error) {
    if (!(error instanceof CausewayError)) throw error;
    findings.add('rights', 'block', `cluster ${cluster}: ${messageOf(error)}`);
  }
}

function judgeMeans({ recovery, world }: StepContext, findings: Findings): void {
  const { options, kind } = recovery;
  if (options.groups && world.groups === undefined && kind !== 'drill') {
    findings.add('groups', 'block', 'group positions cannot be moved here: order it with groups false');
  }
  if (kind === 'failback' && options.quarantineSuffix !== '' && world.copier === undefined) {
    findings.add(
      'quarantine',
      'block',
      'ranges cannot be copied here: order it with an empty quarantineSuffix, stranded records are listed',
    );
  }
  if (options.fencePrincipals.length === 0 && (kind === 'switchover' || kind === 'cutover')) {
    findings.add(
      'producers',
      'warn',
      'nobody is denied to write: producers have to be stopped when the program waits for the source to stand still',
    );
  }
}
