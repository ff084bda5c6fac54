import type { AssignmentItem } from '../../common/model/assignment.js';
import { decodesRecords, writesDeadLetters } from '../../common/model/record-rules.js';
import type { Route } from '../../common/model/route.js';
import type { Part } from '../../common/rules/document.js';
import { rulesFaults } from '../../common/rules/faults.js';
import { missingSecrets, RuleProgram } from '../../common/rules/program.js';
import { Provenance } from '../../common/rules/provenance.js';
import { partReaders } from '../../common/rules/readers.js';
import type { PartSchemas } from '../../common/schemas/schema-books.js';
import type { Reason } from '../core/partition-state.js';
import type { SchemaIds } from './schema-ids.js';
import { header, Treatment } from './treatment.js';

export interface TreatmentSources {
  /** Of the configuration, by name. */
  readonly secrets: ReadonlyMap<string, string>;
  /** The clusters' own ids, once they have said them; null where they have none. */
  readonly clusterIds: () => { readonly source: string | null; readonly target: string | null };
  /** Of the route's registries; why there is none where the configuration lacks one. */
  readonly schemaIds: (route: Route) => SchemaIds | Reason;
  /** Of the route's registries, for its rules. */
  readonly books: (route: Route) => Readonly<Record<Part, PartSchemas>>;
}

/** How the partition's records are treated, or why they cannot be; undefined: they are copied as they are. */
export function makeTreatment(
  route: Route,
  item: Pick<AssignmentItem, 'topic' | 'partition' | 'sourceTopicId'>,
  { secrets, clusterIds, schemaIds, books: booksOf }: TreatmentSources,
): Treatment | Reason | undefined {
  if (!decodesRecords(route)) return undefined;
  const { rules } = route;
  const { topic, partition, sourceTopicId: topicId } = item;
  // Imported routes were never checked: what does not compile must not end the thread.
  const [fault] = rules === undefined ? [] : rulesFaults(rules);
  if (fault !== undefined) {
    return {
      code: 'RULES_UNUSABLE',
      message: `the route’s rules have a fault at ${fault.path.join('.')}: ${fault.message}`,
    };
  }
  const [missing] = rules === undefined ? [] : missingSecrets(rules, secrets);
  if (missing !== undefined) {
    const message = `the route’s rules need the secret ${missing}, which this worker’s configuration does not have`;
    return { code: 'RULES_UNUSABLE', message };
  }
  const ids = route.schemaIds === undefined ? undefined : schemaIds(route);
  if (ids !== undefined && 'code' in ids) return ids;
  const { source, target } = route.provenance === true ? clusterIds() : { source: null, target: null };
  if (route.provenance === true && (source === null || target === null)) {
    const side = source === null ? route.source : route.target;
    return { code: 'RULES_UNUSABLE', message: `cluster ${side} does not tell its id, which provenance rests on` };
  }
  const place = { topic, topicId, partition };
  const letters = rules !== undefined && writesDeadLetters(rules) ? route.deadLetterTopic : undefined;
  const books = booksOf(route);
  const origin = [
    header('causeway.route', route.name),
    header('causeway.topic', topic),
    header('causeway.partition', String(partition)),
  ];
  return new Treatment({
    program: rules === undefined ? undefined : new RuleProgram(rules, place, secrets, partReaders(rules, books)),
    books,
    schemaIds: ids,
    provenance: source === null || target === null ? undefined : new Provenance({ source, target }, place),
    deadLetters: letters === undefined ? undefined : { topic: letters, origin },
  });
}
