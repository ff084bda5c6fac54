import type { RecoveryOrder } from '../../common/api/recovery-shapes.js';
import type { CoordinationStore } from '../../common/coordination/ports.js';
import { encodeRecovery } from '../../common/coordination/records/recovery.js';
import { RECOVERIES, recoveryPath } from '../../common/coordination/znodes.js';
import { CausewayError, isCausewayError } from '../../common/errors/error.js';
import type { Recovery, RecoveryOptions } from '../../common/model/recovery.js';
import type { Logger } from '../../common/observability/logger.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { Random } from '../../common/runtime/random.js';
import { orderFault } from '../core/recovery-order.js';
import { defaultConfirm, type HookPlace, programOf } from '../core/recovery-program.js';
import { abortFault, abortOrdered, audited, confirmed, isInTheWay, resumed } from '../core/recovery-state.js';
import { failed } from '../rest/etag.js';
import type { FleetLens } from './fleet-lens.js';
import { allRecoveries, readRecovery } from './records.js';

const MAX_ATTEMPTS = 5;
const ID = /^[a-z]+-[0-9]{14}-[0-9a-f]{6}$/;

export interface RecoveryServiceDeps {
  readonly store: CoordinationStore;
  readonly fleet: FleetLens;
  readonly hooks: readonly HookPlace[];
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** Orders about recovery programs, accepted on any controller: nodes that the leader works on. */
export class RecoveryService {
  readonly #deps: RecoveryServiceDeps;

  constructor(deps: RecoveryServiceDeps) {
    this.#deps = deps;
  }

  /** The latest first. */
  async list(): Promise<readonly Recovery[]> {
    return [...(await allRecoveries(this.#deps.store))].reverse();
  }

  /** @throws RECOVERY_UNKNOWN */
  async get(id: string): Promise<Recovery> {
    return (await this.#read(id)).recovery;
  }

  /** @throws ROUTE_UNKNOWN, INVALID_REQUEST, RECOVERY_UNDER_WAY */
  async begin(order: RecoveryOrder): Promise<Recovery> {
    const { store, fleet, clock, logger } = this.#deps;
    await fleet.expectRoute(order.route);
    const at = new Date(clock.wallMs()).toISOString();
    const recovery = this.#programOf(order, at);
    await this.#expectAlone(recovery);
    // The parent of the nodes is there since the fleet was prepared; a leader of an earlier version did not make it.
    await createIfMissing(store, RECOVERIES);
    await store.create(recoveryPath(recovery.id), encodeRecovery(recovery));
    logger.warn('audit.recovery-ordered', {
      recovery: recovery.id,
      kind: order.kind,
      route: order.route,
      dryRun: order.dryRun,
    });
    return recovery;
  }

  /** @throws RECOVERY_UNKNOWN, RECOVERY_NOT_POSSIBLE; as do the others */
  confirm(id: string, reason: string): Promise<Recovery> {
    return this.#order(
      id,
      'confirmed',
      (recovery, at) => confirmed(recovery, reason, at) ?? 'nothing waits to be confirmed',
    );
  }

  /** @throws RECOVERY_UNDER_WAY: another one was begun since it failed; and as `confirm` */
  async resume(id: string, reason: string): Promise<Recovery> {
    const { recovery } = await this.#read(id);
    if (recovery.state === 'failed') await this.#expectAlone(recovery);
    return await this.#order(id, 'resumed', (recovery, at) => resumed(recovery, reason, at) ?? 'no step of it failed');
  }

  abort(id: string, reason: string): Promise<Recovery> {
    return this.#order(id, 'aborted', (recovery, at) => abortFault(recovery) ?? abortOrdered(recovery, reason, at));
  }

  #programOf({ kind, route, topics, options, dryRun }: RecoveryOrder, at: string): Recovery {
    const { confirm, reverse, reverseCopy, ...rest } = options;
    const whole: RecoveryOptions = {
      ...rest,
      confirm: confirm ?? defaultConfirm(kind),
      reverseCopy: reverseCopy ?? kind === 'switchover',
      ...(reverse === undefined ? {} : { reverse }),
    };
    const fault = orderFault(kind, route, whole);
    if (fault !== undefined) {
      const { option, message, fix } = fault;
      throw new CausewayError('INVALID_REQUEST', `options.${option}: ${message}`, { place: { route }, fix });
    }
    const steps = programOf(kind, whole, this.#deps.hooks);
    const strange = confirm?.find((id) => !steps.some((step) => step.id === id));
    if (strange !== undefined) {
      throw new CausewayError('INVALID_REQUEST', `options.confirm: this program has no step ${strange.slice(0, 100)}`, {
        fix: `Its steps are ${steps.map(({ id }) => id).join(', ')}.`,
      });
    }
    const digits = at.replace(/\D/g, '').slice(0, 14);
    const id = `${kind}-${digits}-${this.#deps.random.uuid().slice(0, 6)}`;
    const recovery: Recovery = {
      ...{ id, kind, route, topics: [], asked: topics ?? [], options: whole, dryRun },
      ...{
        state: 'running',
        createdAt: at,
        updatedAt: at,
        steps,
        confirmed: [],
        facts: { out: {}, back: {} },
        audit: [],
      },
    };
    return audited(recovery, { at, step: '', event: 'ordered', detail: dryRun ? 'dry run' : '' });
  }

  /** Whoever only looks is in nobody's way. */
  async #expectAlone({ id, kind, route, reverse, options, dryRun }: Recovery): Promise<void> {
    if (dryRun || kind === 'drill') return;
    const routes = new Set([route, reverse ?? route, options.reverse ?? route]);
    const others = await allRecoveries(this.#deps.store);
    const other = others.find(
      (one) =>
        one.id !== id &&
        isInTheWay(one) &&
        [one.route, one.reverse, one.options.reverse].some((name) => name !== undefined && routes.has(name)),
    );
    if (other === undefined) return;
    throw new CausewayError('RECOVERY_UNDER_WAY', `${other.id} is ${other.state}, and works on route ${other.route}`, {
      place: { route },
      fix: `Let it finish, resume it, or abort it: causeway recovery describe ${other.id}`,
    });
  }

  async #order(
    id: string,
    event: string,
    change: (recovery: Recovery, at: string) => Recovery | string,
  ): Promise<Recovery> {
    const { store, clock, logger } = this.#deps;
    for (let attempt = 1; ; attempt += 1) {
      const { recovery, version } = await this.#read(id);
      const next = change(recovery, new Date(clock.wallMs()).toISOString());
      if (typeof next === 'string') {
        throw new CausewayError('RECOVERY_NOT_POSSIBLE', `${id} cannot be ${event}: ${next}`, {
          place: { route: recovery.route },
          fix: `causeway recovery describe ${id} shows where it stands.`,
        });
      }
      try {
        await store.set(recoveryPath(id), encodeRecovery(next), version);
        logger.warn(`audit.recovery-${event}`, { recovery: id, route: recovery.route });
        return next;
      } catch (error) {
        if (!isCausewayError(error, 'BAD_VERSION')) throw error;
        if (attempt === MAX_ATTEMPTS) throw failed('the program goes on too quickly');
      }
    }
  }

  async #read(id: string) {
    const stored = ID.test(id) ? await readRecovery(this.#deps.store, id) : undefined;
    if (stored !== undefined) return stored;
    throw new CausewayError('RECOVERY_UNKNOWN', `there is no recovery program "${id.slice(0, 100)}"`, {
      fix: 'causeway recovery list (GET /api/v1/recoveries) lists them.',
    });
  }
}

async function createIfMissing(store: CoordinationStore, path: string): Promise<void> {
  try {
    await store.create(path, Buffer.alloc(0));
  } catch (error) {
    if (!isCausewayError(error, 'NODE_EXISTS')) throw error;
  }
}
