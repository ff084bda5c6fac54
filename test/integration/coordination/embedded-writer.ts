import { openEmbeddedEngine } from '../../../common/coordination/embedded/engine.js';
import { describeError } from '../../../common/errors/error.js';
import { silentLogger } from '../../../common/observability/logger.js';
import { systemClock } from '../../../common/runtime/clock.js';
import { systemRandom } from '../../../common/runtime/random.js';

/*
 * A process of its own for the tests of the embedded store: opens the folder, says `open`, holds an ephemeral node and counts
 * `/counter` up, printing every value that was acknowledged, until it is killed. `locked` when the folder is taken.
 */
const [, , dir = ''] = process.argv;
/** Waits until the line has left the process: a kill must not take along what was acknowledged long ago. */
const say = (line: string): Promise<void> =>
  new Promise((resolve) => process.stdout.write(`${line}\n`, () => resolve()));
try {
  const engine = await openEmbeddedEngine({ dir, clock: systemClock, random: systemRandom, logger: silentLogger });
  const store = engine.connect();
  await say('open');
  await store.create('/live', Buffer.from(String(process.pid)), { ephemeralOf: store.session().generation });
  let version = (await store.get('/counter'))?.version;
  if (version === undefined) await store.create('/counter', Buffer.alloc(2_000));
  version ??= 0;
  for (;;) {
    version = await store.set('/counter', Buffer.alloc(2_000, version), version);
    await say(String(version));
  }
} catch (error) {
  await say(describeError(error).includes('STORE_LOCKED') ? 'locked' : describeError(error));
}
