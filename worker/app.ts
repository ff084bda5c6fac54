import type { Config } from '../common/config/compile.js';
import type { CoordinationStore } from '../common/coordination/ports.js';
import type { CausewayError } from '../common/errors/error.js';
import { startHttpServer } from '../common/http/server.js';
import { Health } from '../common/observability/health.js';
import type { Logger } from '../common/observability/logger.js';
import type { Metrics } from '../common/observability/metrics.js';
import type { Clock } from '../common/runtime/clock.js';
import type { Closable } from '../common/runtime/lifecycle.js';
import type { Random } from '../common/runtime/random.js';
import { statusRoutes } from './status-routes.js';
import { Supervisor } from './supervisor/supervisor.js';

export interface WorkerDeps {
  /** Opened by the caller, closed by the caller after the worker. */
  readonly store: CoordinationStore;
  readonly version: string;
  /** This process must end: another one lives under its id. */
  readonly fatal: (error: CausewayError) => void;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

export interface WorkerApp extends Closable {
  readonly httpAddress: string;
}

/**
 * Starts a worker: it joins the fleet as soon as the store answers, and takes what the leader assigns.
 * `close` hands everything over first.
 * @throws CONFIG_INVALID when the HTTP address cannot be used
 */
export async function startWorker(config: Config, deps: WorkerDeps): Promise<WorkerApp> {
  const health = new Health();
  let supervisor: Supervisor | undefined;
  const router = statusRoutes(() => {
    const none = { worker: config.worker.id, incarnation: '', epoch: 0, generation: 0, partitions: [], threads: [] };
    return supervisor?.status() ?? none;
  });
  const http = await startHttpServer({ ...deps, settings: config.worker.http, health }, router);
  const started = new Supervisor({ ...deps, config, httpAddress: () => http.address });
  supervisor = started;
  health.add(() => ({
    name: 'coordination',
    ok: deps.store.session().state === 'connected',
    detail: deps.store.session().state,
  }));
  health.add(() => ({ name: 'member-of-fleet', ok: started.joined }));
  return {
    httpAddress: http.address,
    close: async () => {
      health.drain();
      await started.close();
      await http.close();
    },
  };
}
