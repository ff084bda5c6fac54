import type { Fleet } from './fleet.js';

const ANSWER_LIMIT_MS = 5_000;

/** Adds topics to a route as a user would, at any controller. @throws with the problem's text when one is refused. */
export async function addTopics(fleet: Fleet, route: string, topics: readonly string[]): Promise<void> {
  const [controller] = fleet.running('controller');
  if (controller === undefined) throw new Error('no controller is running');
  for (const topic of topics) {
    const response = await fetch(`${controller.url}/api/v1/routes/${route}/topics`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ topic }),
      signal: AbortSignal.timeout(ANSWER_LIMIT_MS),
    });
    if (!response.ok)
      throw new Error(`${controller.id} did not add ${topic}: ${response.status} ${await response.text()}`);
  }
}

/** Who leads, as the first controller that answers knows it. */
export async function reignOf(
  fleet: Fleet,
): Promise<{ readonly leader: string | null; readonly epoch: number } | undefined> {
  for (const { url } of fleet.running('controller')) {
    const response = await fetch(`${url}/api/v1/status`, { signal: AbortSignal.timeout(ANSWER_LIMIT_MS) }).catch(
      () => undefined,
    );
    if (response?.ok !== true) continue;
    const body = (await response.json()) as { readonly leader?: string | null; readonly epoch?: number };
    return { leader: body.leader ?? null, epoch: body.epoch ?? 0 };
  }
  return undefined;
}
