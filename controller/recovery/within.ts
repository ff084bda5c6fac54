import { CausewayError } from '../../common/errors/error.js';
import type { StepContext } from './ports.js';

/** Clusters may hang: whoever asks them does not wait for ever. @throws REQUEST_TIMEOUT */
export async function within<T>(
  { world, signal }: Pick<StepContext, 'world' | 'signal'>,
  limitMs: number,
  what: string,
  work: Promise<T>,
): Promise<T> {
  const done = new AbortController();
  const late = world.clock.sleep(limitMs, AbortSignal.any([signal, done.signal])).then(() => undefined);
  try {
    const outcome = await Promise.race([work.then((value) => ({ value })), late]);
    if (outcome !== undefined) return outcome.value;
    work.catch(() => undefined);
    throw new CausewayError('REQUEST_TIMEOUT', `${what} took more than ${limitMs} ms`, {
      fix: 'Check that the clusters and schema registries of the route answer, and ask again.',
    });
  } finally {
    done.abort();
  }
}
