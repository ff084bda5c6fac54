import { CausewayClient } from '../../common/api/client.js';
import type { ExpectedWorkersView, PlanView, SimulateOrder, SimulationView } from '../../common/api/fleet-shapes.js';
import type { CoordinationStore } from '../../common/coordination/ports.js';
import { decodeController } from '../../common/coordination/records/control.js';
import { LEADER } from '../../common/coordination/znodes.js';
import { CausewayError } from '../../common/errors/error.js';
import type { LiveWorker } from '../../common/model/worker.js';
import type { WorkerShare } from '../core/plan-model.js';
import { simulate } from '../core/what-if.js';
import type { PlanPicture } from '../loop/plan-picture.js';

/** As long as a plan of a large fleet may take. */
const TIMEOUT_MS = 10_000;

export interface LeaderPlanOptions {
  readonly store: CoordinationStore;
  /** Undefined while this controller does not lead, and before it has planned. */
  readonly own: () => PlanPicture | undefined;
  readonly epoch: () => number;
  readonly token: string | undefined;
}

/**
 * How the fleet is planned is known to the leader only: answered here where this controller leads, else by asking the leader, who is
 * told to ask nobody else (`own`).
 */
export class LeaderPlan {
  readonly #options: LeaderPlanOptions;

  constructor(options: LeaderPlanOptions) {
    this.#options = options;
  }

  /** @throws NO_LEADER, CONNECTION_LOST, REQUEST_TIMEOUT; as do all of these */
  read(own: boolean): Promise<PlanView> {
    return this.#answer(
      own,
      (picture) => planView(picture, this.#options.epoch()),
      (leader) => leader.plan({ own: true }),
    );
  }

  expectedWorkers(own: boolean): Promise<ExpectedWorkersView> {
    const view = ({ need, plan }: PlanPicture): ExpectedWorkersView => ({ ...need, live: plan.shares.length });
    return this.#answer(own, view, (leader) => leader.expectedWorkers({ own: true }));
  }

  /** @throws INVALID_REQUEST: a worker to remove is not there, or one to add is */
  simulate(order: SimulateOrder, own: boolean): Promise<SimulationView> {
    return this.#answer(
      own,
      (picture) => simulation(picture, order),
      (leader) => leader.simulate(order, { own: true }),
    );
  }

  async #answer<T>(
    own: boolean,
    view: (picture: PlanPicture) => T,
    ask: (leader: CausewayClient) => Promise<T>,
  ): Promise<T> {
    const picture = this.#options.own();
    if (picture !== undefined) return view(picture);
    const node = own ? undefined : await this.#options.store.get(LEADER);
    if (node === undefined) {
      throw new CausewayError('NO_LEADER', 'this controller does not lead, or has not planned yet', {
        fix: 'Ask the leader; GET /api/v1/status names it.',
      });
    }
    const { token } = this.#options;
    const baseUrl = decodeController(node.data, LEADER).http;
    return await ask(new CausewayClient({ baseUrl, timeoutMs: TIMEOUT_MS, ...(token === undefined ? {} : { token }) }));
  }
}

function planView(picture: PlanPicture, epoch: number): PlanView {
  const { plan, input, measured, underWay, moves, isFrozen } = picture;
  return {
    epoch,
    frozen: isFrozen,
    partitions: input.partitions.length,
    measured,
    underWay,
    workers: plan.shares.map(shareView),
    moves: moves.map(({ atMs, ...move }) => ({ at: new Date(atMs).toISOString(), ...move })).reverse(),
  };
}

function shareView({ worker, partitions, load, fairLoad }: WorkerShare): PlanView['workers'][number] {
  const rounded = (value: number | null): number | null => (value === null ? null : Math.round(value));
  return { worker, partitions, load: rounded(load), fairLoad: rounded(fairLoad) };
}

function simulation(
  { input, roster, poolsOf }: PlanPicture,
  { add, remove, loadFactor }: SimulateOrder,
): SimulationView {
  const accepting = new Map(roster.accepting);
  for (const worker of remove) {
    if (!accepting.delete(worker)) throw unusable(`worker ${worker.slice(0, 100)} takes no partitions now`);
  }
  for (const { worker, capacity, zone } of add) {
    if (accepting.has(worker)) throw unusable(`worker ${worker} is there already`);
    accepting.set(worker, supposedWorker(worker, capacity, zone));
  }
  const workers = [...accepting.values()].map(({ worker, capacity }) => ({ worker, capacity }));
  const pools = poolsOf({ accepting, dedicated: roster.dedicated });
  const { shares, moves, unassigned } = simulate(input, { workers, pools, loadFactor });
  return { workers: shares.map(shareView), moves: Object.fromEntries(moves), unassigned };
}

function supposedWorker(worker: string, capacity: number, zone: string): LiveWorker {
  return { worker, capacity, zone, incarnation: '', http: '', version: '', startedAt: '', leaving: false };
}

function unusable(message: string): CausewayError {
  return new CausewayError('INVALID_REQUEST', message, {
    fix: 'GET /api/v1/plan names the workers that take partitions.',
  });
}
