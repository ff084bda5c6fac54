import type { CliDeps } from './deps.js';
import { reportFailure } from './failure.js';

/** Does the same to several topics, one after the other; a failure is reported, makes the exit code, and does not keep the others. */
export async function forEachTopic<T>(
  deps: CliDeps,
  topics: readonly string[],
  act: (topic: string) => Promise<T>,
): Promise<T[]> {
  const done: T[] = [];
  for (const topic of topics) {
    try {
      done.push(await act(topic));
    } catch (error) {
      if (topics.length > 1) deps.terminal.err(`${topic}: `);
      deps.exit(reportFailure(deps.terminal, error, false));
    }
  }
  return done;
}
