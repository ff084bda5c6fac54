import type { Config } from '../../common/config/compile.js';
import { formatFault } from '../../common/config/faults.js';
import { loadConfig } from '../../common/config/load.js';
import { createLogger, type Logger } from '../../common/observability/logger.js';
import { Metrics } from '../../common/observability/metrics.js';
import { packageVersion } from '../../common/process/version.js';
import { type Clock, systemClock } from '../../common/runtime/clock.js';
import { type Random, systemRandom } from '../../common/runtime/random.js';

export type Role = 'controller' | 'worker' | 'standalone';

/** Everything a role is given besides its store. */
export interface RoleContext {
  readonly config: Config;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/**
 * Reads the configuration and builds what every role needs. Warnings of the configuration are logged here, at every start.
 * @throws CONFIG_INVALID
 */
export function roleContext(role: Role, file: string): RoleContext {
  const { config, warnings } = loadConfig(file);
  const logger = createLogger({ level: config.logLevel, base: { role, id: idOf(role, config) } });
  for (const warning of warnings) logger.warn('config.warning', { detail: formatFault(warning) });
  const metrics = new Metrics({ version: packageVersion(), role });
  return { config, clock: systemClock, random: systemRandom, logger, metrics };
}

function idOf(role: Role, config: Config): string {
  return role === 'worker' ? config.worker.id : config.controller.id;
}
