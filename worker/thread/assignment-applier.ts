import { ERROR_CODES, type ErrorCode } from '../../common/errors/codes.js';
import { type AssignmentItem, refKey } from '../../common/model/assignment.js';
import { treatsOtherwise } from '../../common/model/record-rules.js';
import type { Route } from '../../common/model/route.js';
import type { Logger } from '../../common/observability/logger.js';
import { MirroredPartition, type Reason } from '../partition/mirrored-partition.js';
import type { PartitionPort } from '../partition/port.js';
import type { Starter } from '../partition/starter.js';
import type { Handover } from './handover.js';
import type { Held, HeldPartitions } from './held-partitions.js';
import type { Sides } from './sides.js';
import { strandedReason } from './stranded.js';

const OPERATOR_PAUSE: Reason = { code: 'PAUSED_BY_OPERATOR', message: 'an operator paused the topic' };

/** Why its item says that it is paused. */
function pauseReason({ hold }: AssignmentItem): Reason {
  if (hold === undefined) return OPERATOR_PAUSE;
  const code = hold.code in ERROR_CODES ? (hold.code as ErrorCode) : OPERATOR_PAUSE.code;
  return { code, message: hold.message };
}

export interface AssignmentApplierDeps {
  readonly held: HeldPartitions;
  readonly handover: Handover;
  readonly starter: () => Starter;
  readonly sides: Sides;
  readonly port: PartitionPort;
  readonly clusters: readonly { readonly name: string }[];
  /** The two sides of a partition that is taken up. */
  readonly equip: (partition: MirroredPartition) => Pick<Held, 'intake' | 'outlet'>;
  readonly logger: Logger;
}

/** Brings what is held to what is assigned: takes up, changes, drains. */
export class AssignmentApplier {
  readonly #deps: AssignmentApplierDeps;
  /** Assigned, but not to be mirrored with this worker's configuration: shown as paused, nothing else. */
  readonly #stranded = new Map<string, MirroredPartition>();
  /** Stays that end because another timeline, or another topic, begins. */
  readonly #formers = new Map<string, MirroredPartition>();
  #wanted = new Map<string, AssignmentItem>();
  #routes = new Map<string, Route>();

  constructor(deps: AssignmentApplierDeps) {
    this.#deps = deps;
  }

  get stranded(): readonly MirroredPartition[] {
    return [...this.#stranded.values()];
  }

  apply(routes: readonly Route[], items: readonly AssignmentItem[]): void {
    const { held: all, handover } = this.#deps;
    this.#routes = new Map(routes.map((route) => [route.name, route]));
    this.#wanted = new Map(items.filter((item) => item.state === 'own').map((item) => [refKey(item), item]));
    this.#stranded.clear();
    for (const held of all.values()) {
      const item = this.#wanted.get(held.partition.key);
      if (item === undefined || this.#identityChanged(held.partition, item)) {
        if (item !== undefined) this.#formers.set(held.partition.key, held.partition);
        handover.drain(held);
      } else if (!held.draining) this.#update(held, item);
    }
    for (const key of this.#formers.keys()) if (!this.#wanted.has(key)) this.#formers.delete(key);
    for (const [key, item] of this.#wanted) if (!all.has(key)) this.#adopt(item);
  }

  /** The first pair is committed: copy, unless an operator said otherwise or it is leaving already. */
  begun(held: Held): void {
    const { partition } = held;
    held.outlet.reset();
    this.#deps.sides.of(partition.route).target.positionsOf(partition).add(partition);
    if (held.draining) return;
    if (partition.item.paused) partition.on({ type: 'pause', reason: pauseReason(partition.item) });
    else this.#deps.held.copy(held);
  }

  /** It was let go, and may be wanted again by now. */
  released(key: string): void {
    const item = this.#wanted.get(key);
    if (item !== undefined) this.#adopt(item);
  }

  /** Changes that make the old position meaningless: drained first, then adopted anew. */
  #identityChanged({ item, route }: MirroredPartition, next: AssignmentItem): boolean {
    const nextRoute = this.#routes.get(next.route);
    return (
      item.timeline !== next.timeline ||
      item.targetTopic !== next.targetTopic ||
      item.sourceTopicId !== next.sourceTopicId ||
      route.source !== nextRoute?.source ||
      route.target !== nextRoute.target ||
      route.isolation !== nextRoute.isolation ||
      treatsOtherwise(route, nextRoute)
    );
  }

  #update(held: Held, item: AssignmentItem): void {
    const { partition } = held;
    const { paused: wasPaused, skip, resolve } = partition.item;
    const { continuity } = partition.route;
    partition.item = item;
    // Its policies may have changed; what would need another position has been sorted out above.
    partition.route = this.#routes.get(item.route) ?? partition.route;
    if (wasPaused === item.paused) {
      // An operator's word on what it stands at: the position is found anew, and the order is met there.
      const isTold = item.skip?.at !== skip?.at || item.resolve?.at !== resolve?.at;
      const mayPass = JSON.stringify(partition.route.continuity) !== JSON.stringify(continuity);
      if ((isTold || mayPass) && partition.state === 'paused' && !item.paused) this.#deps.handover.startAnew(held, 0);
      return;
    }
    if (item.paused) {
      // One that is starting finds out when it has.
      if (held.copying) this.#deps.port.pause(partition, pauseReason(item));
    } else if (partition.reason === OPERATOR_PAUSE) {
      this.#deps.held.copy(held);
    } else if (partition.state === 'paused') {
      // Whatever paused it, an operator now wants it to run: find the position anew.
      this.#deps.handover.startAnew(held, 0);
    }
  }

  #adopt(item: AssignmentItem): void {
    const { clusters, logger, equip, held, starter } = this.#deps;
    const route = this.#routes.get(item.route);
    const stranded = strandedReason(item, route, clusters);
    if (route === undefined || stranded !== undefined) {
      logger.error('partition.stranded', { ...item, code: stranded?.code, msg: stranded?.message });
      if (route === undefined) return;
      const shown = new MirroredPartition(item, route);
      if (stranded !== undefined) shown.on({ type: 'pause', reason: stranded });
      this.#stranded.set(shown.key, shown);
      return;
    }
    const partition = new MirroredPartition(item, route);
    const former = this.#formers.get(partition.key);
    this.#formers.delete(partition.key);
    if (former !== undefined && former.item.timeline === item.origin?.former) partition.former = former.stay();
    held.add({ partition, ...equip(partition), copying: false, draining: false });
    starter().request(partition);
  }
}
