import { runRole } from '../../common/process/run-role.js';
import { packageVersion } from '../../common/process/version.js';
import { startWorker } from '../../worker/app.js';
import { closeAll } from './close-all.js';
import { openFleetStore } from './coordination.js';
import { roleContext } from './role-context.js';

/** `causeway worker -c file.yaml`: runs until a signal. */
export function runWorker(file: string): void {
  const { config, ...parts } = roleContext('worker', file);
  const store = openFleetStore('worker', { config, ...parts });
  runRole({
    version: packageVersion(),
    logger: parts.logger,
    clock: parts.clock,
    shutdownTimeoutMs: config.worker.shutdownTimeoutMs,
    start: async (fatal) => {
      const app = await startWorker(config, { store, fatal, version: packageVersion(), ...parts });
      return { facts: { http: app.httpAddress }, close: () => closeAll(app, store) };
    },
  });
}
