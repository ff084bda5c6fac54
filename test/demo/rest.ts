import { CausewayClient } from '../../common/api/client.js';
import type { Fleet } from './fleet.js';

export const ANSWER_LIMIT_MS = 30_000;

/** A client of the first controller that runs. */
export function clientOf(fleet: Fleet): CausewayClient {
  const [controller] = fleet.running('controller');
  if (controller === undefined) throw new Error('no controller is running');
  return new CausewayClient({ baseUrl: controller.url, timeoutMs: ANSWER_LIMIT_MS });
}

/** Adds topics to a route as a user would, at any controller. */
export async function addTopics(fleet: Fleet, route: string, topics: readonly string[]): Promise<void> {
  const client = clientOf(fleet);
  for (const topic of topics) await client.addTopic(route, { topic });
}

export interface Reign {
  /** Id of the leading controller; null when nobody leads. */
  readonly leader: string | null;
  readonly epoch: number;
}

/** Who leads, as the first running controller knows it. */
export async function reignOf(fleet: Fleet): Promise<Reign> {
  const { leader, epoch } = await clientOf(fleet).status();
  return { leader: leader?.controller ?? null, epoch };
}
