import type { AssignmentItem, WorkerAssignment } from '../../common/model/assignment.js';
import type { Route } from '../../common/model/route.js';
import { DEFAULT_TOPIC_SYNC } from '../../common/model/topic-sync.js';
import { itemOf } from './desired-topic.js';
import {
  givesAllUp,
  type Holder,
  indexReport,
  isReleased,
  itemKeys,
  itemTopicKeys,
  type ReportIndex,
  type Stamp,
  sameItem,
} from './holders.js';
import { LimitShares } from './limit-shares.js';
import { compareText } from './text-order.js';
import { itemVerdict, type Planned, type Vacated, type World } from './view.js';

export interface DiffInput {
  readonly epoch: number;
  readonly world: World;
  /** The planner's answer: partition -> worker. */
  readonly owners: ReadonlyMap<string, string>;
  readonly planned: ReadonlyMap<string, Planned>;
  /** The write that revoked the item, where this reign remembers it; the node's own stamp otherwise, which is never earlier. */
  readonly revokedBy: (worker: string, key: string) => Stamp | undefined;
  /** True while some node cannot be read: a partition that seems free may be in there. */
  readonly holdAdditions: boolean;
  /** No node begins at a generation up to this one: some worker may have seen that in a node that was removed. */
  readonly generationFloor: number;
  /** Also write where only `started` differs (the timer's full compare does). */
  readonly compareStarted: boolean;
  /** Routes that items of untouchable topics name. */
  readonly routes: ReadonlyMap<string, Route>;
}

/** The new content of one worker's node, and what changes with it. */
export interface NodeChange {
  readonly worker: string;
  readonly assignment: WorkerAssignment;
  readonly revoked: readonly string[];
  readonly dropped: ReadonlyMap<string, Vacated>;
  readonly added: readonly string[];
}

/**
 * From plan to writes, in release-before-acquire order (exactly-once.md 7.2): a partition is only added where the nodes as read
 * show it nowhere; leaving a node and entering another therefore take two rounds, and a crash between them loses nothing.
 */
export function diffAssignments(input: DiffInput): NodeChange[] {
  const { holders, accepting } = input.world;
  const additions = groupAdditions(input);
  const workers = [...new Set([...holders.keys(), ...additions.keys()])].sort(compareText);
  const shares = new LimitShares({ world: input.world, routes: input.routes, planned: input.planned });
  const changes: NodeChange[] = [];
  for (const worker of workers) {
    const holder = holders.get(worker);
    if (holder?.state === 'absent' || holder?.state === 'doomed') continue;
    const change = changeNode({ ...input, shares }, worker, holder, additions.get(worker) ?? []);
    if (change !== undefined && (holder !== undefined || accepting.has(worker))) changes.push(change);
  }
  return changes;
}

/** Partitions that may enter a node now, by worker. */
function groupAdditions(input: DiffInput): Map<string, string[]> {
  const additions = new Map<string, string[]>();
  if (input.holdAdditions) return additions;
  const blocked = new Set<string>();
  for (const holder of input.world.holders.values()) {
    for (const key of itemKeys(holder.assignment)) {
      // Leaving a fenced node and entering the same node's next version is one write, not two nodes.
      if (holder.state !== 'fenced' || input.owners.get(key) !== holder.worker) blocked.add(key);
    }
  }
  for (const [key, worker] of input.owners) {
    if (blocked.has(key)) continue;
    const list = additions.get(worker);
    if (list === undefined) additions.set(worker, [key]);
    else list.push(key);
  }
  return additions;
}

function changeNode(
  input: DiffInput & { readonly shares: LimitShares },
  worker: string,
  holder: Holder | undefined,
  candidates: readonly string[],
): NodeChange | undefined {
  const live = input.world.accepting.get(worker);
  const kept: AssignmentItem[] = [];
  const revoked: string[] = [];
  const dropped = new Map<string, Vacated>();
  const report = holder?.report === undefined ? undefined : indexReport(holder.report);
  const keys = holder === undefined ? [] : itemKeys(holder.assignment);
  const topicKeys = holder === undefined ? [] : itemTopicKeys(holder.assignment);
  for (const [i, item] of (holder?.assignment.items ?? []).entries()) {
    const key = keys[i] as string;
    const next = nextItem(input, holder as Holder, { item, key, topicKey: topicKeys[i] as string }, report);
    if (next === undefined) dropped.set(key, { worker, why: whyDropped(holder as Holder) });
    else {
      if (next.state === 'revoke' && item.state === 'own') revoked.push(key);
      kept.push(next);
    }
  }
  const mayAdd = live !== undefined && (kept.length === 0 || live.incarnation === holder?.assignment.incarnation);
  const added = mayAdd ? candidates : [];
  for (const key of added) {
    const { topic, partition } = input.planned.get(key) as Planned;
    kept.push(itemOf(topic, partition, 'own'));
  }
  for (const key of added) dropped.delete(key);
  const before = holder?.assignment;
  const incarnation = added.length > 0 || kept.length === 0 ? live?.incarnation : undefined;
  const next = {
    worker,
    incarnation: incarnation ?? before?.incarnation ?? '',
    epoch: input.epoch,
    generation: (before?.generation ?? input.generationFloor) + 1,
    routes: routesOf(kept, input, before),
    items: kept.sort(compareItems),
    limits: input.shares.of(kept, before),
  };
  if (!differs(before, next, input.compareStarted, holder?.state === 'fenced')) return undefined;
  return { worker, assignment: next, revoked, dropped, added };
}

/** What becomes of an item: the same or a new state, or undefined when it may leave the node. */
function nextItem(
  input: DiffInput,
  holder: Holder,
  { item, key, topicKey }: { readonly item: AssignmentItem; readonly key: string; readonly topicKey: string },
  report: ReportIndex | undefined,
): AssignmentItem | undefined {
  if (holder.state === 'fenced') return undefined;
  if (item.state === 'revoke') {
    const stamp = input.revokedBy(holder.worker, key) ?? holder.assignment;
    return isReleased(key, stamp, report) ? undefined : item;
  }
  const verdict = itemVerdict(input.world.desired, item, topicKey);
  if (verdict === 'unwanted' || givesAllUp(holder)) return { ...item, state: 'revoke' };
  const planned = input.planned.get(key);
  if (verdict === 'keep') return item;
  // Wanted, but not planned: in two nodes. Both stop until both are fenced.
  if (planned === undefined || input.owners.get(key) !== holder.worker) return { ...item, state: 'revoke' };
  return itemOf(planned.topic, planned.partition, 'own');
}

function whyDropped(holder: Holder): Vacated['why'] {
  switch (holder.state) {
    case 'fenced':
      return 'died';
    case 'leaving':
      return 'left';
    case 'drained':
      return 'drained';
    default:
      return 'moving';
  }
}

function differs(
  before: WorkerAssignment | undefined,
  next: WorkerAssignment,
  compareStarted: boolean,
  dismissed: boolean,
): boolean {
  if (before === undefined) return next.items.length > 0;
  // A fenced incarnation is dismissed by a write of its own, even where nothing was left in the node.
  if (dismissed && before.items.length > 0) return true;
  if (before.incarnation !== next.incarnation && next.items.length > 0) return true;
  if (before.items.length !== next.items.length) return true;
  const sorted = [...before.items].sort(compareItems);
  if (sorted.some((item, i) => !sameItem(item, next.items[i] as AssignmentItem, compareStarted))) return true;
  if (JSON.stringify(before.limits) !== JSON.stringify(next.limits)) return true;
  return !sameRoutes(before.routes, next.routes);
}

/** The routes that the items name, as they stand now; those that cannot be read stay as the node had them. */
function routesOf(
  items: readonly AssignmentItem[],
  input: DiffInput,
  before: WorkerAssignment | undefined,
): readonly Route[] {
  const names = [...new Set(items.map((item) => item.route))].sort(compareText);
  return names.flatMap((name) => {
    const route = input.routes.get(name) ?? before?.routes.find((candidate) => candidate.name === name);
    return route === undefined ? [] : [asWorkersSeeIt(route)];
  });
}

/**
 * Which topics a route chooses, how all of them are named and what else is done about them is the leader's affair: no reason to write to
 * the workers.
 */
function asWorkersSeeIt(full: Route): Route {
  const known = seenByWorkers.get(full);
  if (known !== undefined) return known;
  const { selection: _, metadata: __, ...route } = full;
  const { naming } = route;
  const seen = { ...route, naming: naming.policy === 'map' ? naming.otherwise : naming, topicSync: DEFAULT_TOPIC_SYNC };
  seenByWorkers.set(full, seen);
  // What a node had comes back as it is.
  seenByWorkers.set(seen, seen);
  return seen;
}

/** Routes do not change; those of hundreds of workers are the same few. */
const seenByWorkers = new WeakMap<Route, Route>();

function compareItems(a: AssignmentItem, b: AssignmentItem): number {
  return compareText(a.route, b.route) || compareText(a.topic, b.topic) || a.partition - b.partition;
}

/** Routes are made by one function (`routeFromSettings`), so that equal ones have equal texts. */
function sameRoutes(before: readonly Route[], next: readonly Route[]): boolean {
  if (before.length === next.length && before.every((route, i) => route === next[i])) return true;
  return JSON.stringify(before) === JSON.stringify(next);
}
