import type { Config } from '../../common/config/compile.js';
import type { Clock } from '../../common/runtime/clock.js';
import { SchemaBooks } from '../../common/schemas/schema-books.js';
import type { ClusterQuestions } from '../metadata/cluster-clients.js';
import { KafkaRecordSamples } from './record-samples.js';
import { RulesService, type RulesServiceDeps } from './rules-service.js';

/** What answers questions about rules. */
export function openRules(
  { ruleSecrets: secrets, clusters }: Pick<Config, 'ruleSecrets' | 'clusters'>,
  {
    questions,
    clock,
    ...parts
  }: Pick<RulesServiceDeps, 'routes' | 'metadata' | 'statuses'> & {
    readonly questions: ClusterQuestions;
    readonly clock: Clock;
  },
): RulesService {
  const books = new SchemaBooks([...clusters.values()], clock);
  return new RulesService({ ...parts, samples: new KafkaRecordSamples(questions), secrets, books });
}
