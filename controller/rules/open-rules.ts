import type { Config } from '../../common/config/compile.js';
import type { ClusterQuestions } from '../metadata/cluster-clients.js';
import { KafkaRecordSamples } from './record-samples.js';
import { RulesService, type RulesServiceDeps } from './rules-service.js';

/** What answers questions about rules. */
export function openRules(
  { ruleSecrets: secrets }: Pick<Config, 'ruleSecrets'>,
  {
    questions,
    ...parts
  }: Pick<RulesServiceDeps, 'routes' | 'metadata' | 'statuses'> & {
    readonly questions: ClusterQuestions;
  },
): RulesService {
  return new RulesService({ ...parts, samples: new KafkaRecordSamples(questions), secrets });
}
