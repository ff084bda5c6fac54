import { z } from 'zod';
import { MAX_RULES, type RecordRules, type RuleCondition } from '../model/record-rules.js';
import { MAX_PARTITIONS_PER_TOPIC, topicNameFault } from '../model/topic-partition.js';
import { identifier } from './fields.js';

const text = z.string().max(1_000);
const name = text.min(1);
/** Paths of fields. */
const fields = z.array(name).min(1).max(50);
const part = z.enum(['key', 'value']).optional();
const scalar = z.union([text, z.number(), z.boolean(), z.null()]);
/** An Avro schema, as text or as it is. */
const avroSchema = z.union([z.string(), z.record(z.string(), z.unknown()), z.array(z.unknown())]);

const onUnreadable = z.enum(['pause', 'keep', 'drop', 'dead-letter']);
const hmac = identifier.optional().describe('Name of a secret of `ruleSecrets`: keyed hashes (HMAC-SHA-256).');

const action = z.discriminatedUnion('do', [
  z.strictObject({ do: z.literal('keep') }),
  z.strictObject({ do: z.literal('drop') }),
  z.strictObject({ do: z.literal('sample'), fraction: z.number().min(0).max(1) }),
  z.strictObject({
    do: z.literal('route'),
    topic: z.string().superRefine((value, context) => {
      const fault = topicNameFault(value);
      if (fault !== undefined) context.addIssue({ code: 'custom', message: fault });
    }),
    partitions: z.number().int().min(1).max(MAX_PARTITIONS_PER_TOPIC).default(1),
  }),
  z.strictObject({ do: z.literal('mask'), part, fields, with: scalar.default('***') }),
  z.strictObject({ do: z.literal('hash'), part, fields, hmac }),
  z.strictObject({ do: z.literal('remove'), part, fields }),
  z.strictObject({
    do: z.literal('set-key'),
    from: z.enum(['field', 'header', 'text', 'hash']),
    name: text.optional(),
    hmac,
  }),
  z.strictObject({ do: z.literal('add-header'), name, value: text }),
  z.strictObject({ do: z.literal('strip-headers'), matching: z.array(name).min(1).max(50) }),
]);

/** What a route does to single records (docs/rules.md); what conditions, paths and patterns may be, `rulesFaults` tells. */
export const recordRules = z.strictObject({
  onUnreadable: onUnreadable
    .default('pause')
    .describe(
      'What becomes of a record that a rule has to look into or to change and cannot (it is neither JSON nor Avro of a known schema, or larger than 1 MiB): the partition stops in front of it, the rule is passed over, the record is dropped, or it goes to deadLetterTopic. A rule may have its own.',
    ),
  avro: z
    .strictObject({ key: avroSchema.optional(), value: avroSchema.optional() })
    .optional()
    .describe(
      'Avro schemas of keys and values that have no schema’s id in front of them. Avro with an id is read by the schema that the registry has, and needs nothing here.',
    ),
  list: z
    .array(
      z.strictObject({ name: identifier, when: z.unknown().optional(), action, onUnreadable: onUnreadable.optional() }),
    )
    .min(1)
    .max(MAX_RULES)
    .describe('Rules, in order; [rules.md](rules.md) has their forms.'),
});

type RulesSettings = z.output<typeof recordRules>;

/** In one order, so that equal rules are equal texts. */
export function recordRulesFrom({ onUnreadable, avro, list }: RulesSettings): RecordRules {
  return {
    onUnreadable,
    ...(avro === undefined ? {} : { avro: schemaTexts(avro) }),
    list: list.map(({ name, when, action, onUnreadable: own }) => ({
      name,
      ...(when === undefined ? {} : { when: when as RuleCondition }),
      action: given(action) as RecordRules['list'][number]['action'],
      ...(own === undefined ? {} : { onUnreadable: own }),
    })),
  };
}

function schemaTexts({ key, value }: NonNullable<RulesSettings['avro']>): NonNullable<RecordRules['avro']> {
  return {
    ...(key === undefined ? {} : { key: schemaText(key) }),
    ...(value === undefined ? {} : { value: schemaText(value) }),
  };
}

/** As JSON. A primitive type may be written by its name alone. */
function schemaText(schema: z.output<typeof avroSchema>): string {
  return typeof schema === 'string' && !/^[A-Za-z]+$/.test(schema) ? schema : JSON.stringify(schema);
}

/** Without the keys that nobody gave. */
function given(section: object): object {
  return Object.fromEntries(Object.entries(section).filter(([, value]) => value !== undefined));
}

export const partitionMapping = z
  .discriminatedUnion('to', [
    z.strictObject({
      to: z
        .literal('identity')
        .describe(
          'Which target partition a source partition goes into: `identity` the one of its number; `merge` the same, and several of the route’s topics may meet in one target topic; `modulo` its number modulo `partitions`, topics may meet as well.',
        ),
    }),
    z.strictObject({ to: z.literal('merge') }),
    z.strictObject({
      to: z.literal('modulo'),
      partitions: z
        .number()
        .int()
        .min(1)
        .max(MAX_PARTITIONS_PER_TOPIC)
        .describe('Partitions of the target topics, with to modulo.'),
    }),
  ])
  .describe('Which target partitions records go into; anything but identity needs delivery transactional.');
