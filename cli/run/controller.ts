import { runRole } from '../../common/process/run-role.js';
import { packageVersion } from '../../common/process/version.js';
import { startController } from '../../controller/app.js';
import { closeAll } from './close-all.js';
import { openFleetStore } from './coordination.js';
import { roleContext } from './role-context.js';

/** A controller has nothing to hand over: it gives up the reign and closes its sockets. */
export const CONTROLLER_STOP_TIMEOUT_MS = 10_000;

/** `causeway controller -c file.yaml`: runs until a signal. */
export function runController(file: string): void {
  const { config, ...parts } = roleContext('controller', file);
  const store = openFleetStore('controller', { config, ...parts });
  runRole({
    version: packageVersion(),
    logger: parts.logger,
    clock: parts.clock,
    shutdownTimeoutMs: CONTROLLER_STOP_TIMEOUT_MS,
    start: async () => {
      const app = await startController(config, { store, ...parts });
      return { facts: { http: app.httpAddress }, close: () => closeAll(app, store) };
    },
  });
}
