import { RecoveryClient } from '../../common/api/recovery-client.js';
import type { RpoView } from '../../common/api/recovery-shapes.js';
import { RestTransport } from '../../common/api/rest-transport.js';
import type { CoordinationStore } from '../../common/coordination/ports.js';
import { decodeController } from '../../common/coordination/records/control.js';
import { LEADER } from '../../common/coordination/znodes.js';
import { CausewayError } from '../../common/errors/error.js';
import type { FleetLens } from './fleet-lens.js';
import type { RpoPicture, RpoWatch } from './rpo-watch.js';

const TIMEOUT_MS = 10_000;

export interface LeaderRpoOptions {
  readonly store: CoordinationStore;
  readonly fleet: FleetLens;
  readonly watch: RpoWatch;
  readonly token: string | undefined;
}

/** What a loss would cost is known to the leader, who watches it; any other controller asks it. */
export class LeaderRpo {
  readonly #options: LeaderRpoOptions;

  constructor(options: LeaderRpoOptions) {
    this.#options = options;
  }

  /** @throws ROUTE_UNKNOWN, NO_LEADER, CONNECTION_LOST, REQUEST_TIMEOUT */
  async read(route: string, own: boolean): Promise<RpoView> {
    const { store, fleet, watch, token } = this.#options;
    await fleet.expectRoute(route);
    const picture = watch.picture(route);
    if (picture !== undefined) return viewOf(route, picture);
    const node = own ? undefined : await store.get(LEADER);
    if (node === undefined) {
      throw new CausewayError('NO_LEADER', 'this controller does not lead, or has not asked the workers yet', {
        fix: 'Ask again in a moment; GET /api/v1/status names the leader.',
      });
    }
    const baseUrl = decodeController(node.data, LEADER).http;
    const options = { baseUrl, timeoutMs: TIMEOUT_MS, ...(token === undefined ? {} : { token }) };
    const client = new RecoveryClient(new RestTransport(options));
    return await client.rpo(route, { own: true });
  }
}

function viewOf(route: string, { now, contactMs, p99Records, p99Seconds, samples }: RpoPicture): RpoView {
  const contactAt = contactMs === undefined ? null : new Date(contactMs).toISOString();
  const { topics, records, seconds } = now;
  return {
    route,
    records,
    seconds,
    p99Records,
    p99Seconds,
    samples,
    contactAt,
    topics: topics.map((topic) => ({ ...topic })),
  };
}
