import { openEmbeddedEngine } from '../../common/coordination/embedded/engine.js';
import { CausewayError } from '../../common/errors/error.js';
import { type RunningRole, runRole } from '../../common/process/run-role.js';
import { packageVersion } from '../../common/process/version.js';
import type { Closable } from '../../common/runtime/lifecycle.js';
import { startController } from '../../controller/app.js';
import { startWorker } from '../../worker/app.js';
import { closeAll } from './close-all.js';
import { CONTROLLER_STOP_TIMEOUT_MS } from './controller.js';
import { type RoleContext, roleContext } from './role-context.js';

/** `causeway standalone -c file.yaml`: a controller and a worker in this process, on a store in a folder. */
export function runStandalone(file: string): void {
  const context = roleContext('standalone', file);
  const { config, logger, clock } = context;
  const dir = embeddedDir(context);
  runRole({
    version: packageVersion(),
    logger,
    clock,
    // The worker hands over first, then the controller leaves.
    shutdownTimeoutMs: config.worker.shutdownTimeoutMs + CONTROLLER_STOP_TIMEOUT_MS,
    start: (fatal) => startBoth(context, dir, fatal),
  });
}

async function startBoth(
  context: RoleContext,
  dir: string,
  fatal: (error: CausewayError) => void,
): Promise<RunningRole> {
  const { config, logger, ...parts } = context;
  const engine = await openEmbeddedEngine({ dir, clock: parts.clock, random: parts.random, logger });
  const opened: Closable[] = [engine];
  try {
    // Two sessions, as two processes would have: what one holds ends with it alone.
    const controllerStore = engine.connect();
    opened.unshift(controllerStore);
    const controller = await startController(config, {
      store: controllerStore,
      logger: logger.child({ part: 'controller' }),
      ...parts,
    });
    opened.unshift(controller);
    const workerStore = engine.connect();
    opened.unshift(workerStore);
    const worker = await startWorker(config, {
      store: workerStore,
      logger: logger.child({ part: 'worker' }),
      version: packageVersion(),
      fatal,
      ...parts,
    });
    opened.unshift(worker);
    return {
      facts: { http: controller.httpAddress, workerHttp: worker.httpAddress, dir },
      close: () => closeAll(...opened),
    };
  } catch (error) {
    await closeAll(...opened).catch(() => undefined);
    throw error;
  }
}

function embeddedDir({ config }: RoleContext): string {
  if (config.coordination.type === 'embedded') return config.coordination.dir;
  throw new CausewayError(
    'CONFIG_INVALID',
    '"causeway standalone" needs coordination.type embedded: it is a whole fleet in one process',
    {
      fix: 'Set coordination.type to embedded, or run "causeway controller" and "causeway worker".',
    },
  );
}
