import { CausewayClient } from '../../common/api/client.js';
import type { PlanView } from '../../common/api/fleet-shapes.js';
import type { CoordinationStore } from '../../common/coordination/ports.js';
import { decodeController } from '../../common/coordination/records/control.js';
import { LEADER } from '../../common/coordination/znodes.js';
import { CausewayError } from '../../common/errors/error.js';
import type { PlanPicture } from '../loop/reconciler.js';

/** As long as a plan of a large fleet may take. */
const TIMEOUT_MS = 5_000;

export interface LeaderPlanOptions {
  readonly store: CoordinationStore;
  /** Undefined while this controller does not lead, and before it has planned. */
  readonly own: () => PlanPicture | undefined;
  readonly epoch: () => number;
  readonly token: string | undefined;
}

/** How the fleet is planned is known to the leader only: shown here where this controller leads, else asked of the leader. */
export class LeaderPlan {
  readonly #options: LeaderPlanOptions;

  constructor(options: LeaderPlanOptions) {
    this.#options = options;
  }

  /** @throws NO_LEADER */
  own(): PlanView {
    const picture = this.#options.own();
    if (picture !== undefined) return planView(picture, this.#options.epoch());
    throw new CausewayError('NO_LEADER', 'this controller does not lead, or has not planned yet', {
      fix: 'Ask the leader; GET /api/v1/status names it.',
    });
  }

  /** @throws NO_LEADER, CONNECTION_LOST, REQUEST_TIMEOUT */
  async read(): Promise<PlanView> {
    if (this.#options.own() !== undefined) return this.own();
    const node = await this.#options.store.get(LEADER);
    if (node === undefined) throw new CausewayError('NO_LEADER', 'no controller leads at the moment');
    const { token } = this.#options;
    const client = new CausewayClient({
      baseUrl: decodeController(node.data, LEADER).http,
      timeoutMs: TIMEOUT_MS,
      ...(token === undefined ? {} : { token }),
    });
    return await client.plan({ own: true });
  }
}

function planView({ plan, partitions, measured, underWay, moves }: PlanPicture, epoch: number): PlanView {
  const rounded = (value: number | null): number | null => (value === null ? null : Math.round(value));
  return {
    epoch,
    partitions,
    measured,
    underWay,
    workers: plan.shares.map(({ worker, partitions: own, load, fairLoad }) => ({
      worker,
      partitions: own,
      load: rounded(load),
      fairLoad: rounded(fairLoad),
    })),
    moves: moves.map(({ atMs, ...move }) => ({ at: new Date(atMs).toISOString(), ...move })).reverse(),
  };
}
