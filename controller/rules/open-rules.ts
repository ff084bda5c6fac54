import type { Config } from '../../common/config/compile.js';
import type { Logger } from '../../common/observability/logger.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { Random } from '../../common/runtime/random.js';
import { KafkaRecordSamples } from './record-samples.js';
import { RulesService, type RulesServiceDeps } from './rules-service.js';

/** What answers questions about rules. */
export function openRules(
  config: Config,
  parts: Pick<RulesServiceDeps, 'routes' | 'metadata' | 'statuses'> & {
    readonly clock: Clock;
    readonly random: Random;
    readonly logger: Logger;
  },
): RulesService {
  const { routes, metadata, statuses, ...rest } = parts;
  const clientId = `causeway-controller-${config.controller.id}`;
  return new RulesService({
    routes,
    metadata,
    samples: new KafkaRecordSamples({ ...rest, clusters: config.clusters, clientId }),
    secrets: config.ruleSecrets,
    statuses,
  });
}
