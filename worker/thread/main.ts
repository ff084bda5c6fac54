import { parentPort, workerData } from 'node:worker_threads';
import { invariant } from '../../common/errors/assert.js';
import { createLogger } from '../../common/observability/logger.js';
import { systemClock } from '../../common/runtime/clock.js';
import { systemRandom } from '../../common/runtime/random.js';
import { DataThread } from './data-thread.js';
import type { ThreadSettings, ToThread } from './protocol.js';

// Entry of a data thread: no logic, only the wiring to the supervisor's port.
const port = parentPort;
invariant(port !== null, 'a data thread is started by its supervisor only');
const settings = workerData as ThreadSettings;
const { worker, thread } = settings;
const dataThread = new DataThread({
  settings,
  post: (message) => {
    port.postMessage(message);
    // Nothing may linger: a thread that was told to stop ends even if a socket or timer is still open.
    if (message.type === 'stopped') setImmediate(() => process.exit(0));
  },
  clock: systemClock,
  random: systemRandom,
  logger: createLogger({ level: settings.logLevel, base: { role: 'worker', worker, thread } }),
});
port.on('message', (message: ToThread) => dataThread.receive(message));
