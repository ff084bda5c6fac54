import { z } from 'zod';
import { MAX_TOPIC_NAME_LENGTH, topicNameFault } from '../model/topic-partition.js';
import { MAX_PATTERN_LENGTH } from '../patterns/name-patterns.js';
import { rewriteFault } from '../patterns/name-rewrite.js';

/** A route's record, and the body of a request, stay far below what they may have. */
const MAX_MAPPED_TOPICS = 500;

const policy =
  'How target topics are named: `identity` keeps the name and `default` is `<source><separator><topic>`, both as MirrorMaker 2’s policies of these names do; `template`, `regex` and `map` are told by the keys beside.';
const separator = z
  .string()
  .min(1)
  .max(8)
  .regex(/^[A-Za-z0-9._-]+$/, 'use letters, digits, ".", "_" and "-"');
const nameText = z.string().max(MAX_TOPIC_NAME_LENGTH);

export const topicName = z.string().superRefine((value, context) => {
  const fault = topicNameFault(value);
  if (fault !== undefined) context.addIssue({ code: 'custom', message: fault });
});

const identity = z.strictObject({
  policy: z.literal('identity').describe(policy),
  separator: separator
    .optional()
    .describe(
      'With policy identity: between the source cluster’s name and the topic, of topics that end in `heartbeats`; "." unless set.',
    ),
});
const prefixed = z.strictObject({
  policy: z.literal('default').describe(policy),
  separator: separator.default('.').describe('Between the source cluster’s name and the topic, with policy default.'),
});
const template = z.strictObject({
  policy: z.literal('template').describe(policy),
  template: nameText
    .refine((text) => text.split('{topic}').length === 2, 'have {topic} in it, once')
    .refine(
      (text) => topicNameFault(text.replaceAll('{source}', 'a').replace('{topic}', 'b')) === undefined,
      'beside {source} and {topic}, only letters, digits, ".", "_" and "-" are allowed',
    )
    .describe('With policy template: the target topic’s name, `{topic}` and `{source}` (the cluster’s name) replaced.'),
});
const simple = z.discriminatedUnion('policy', [identity, prefixed, template]);
const otherwise = simple
  .default({ policy: 'identity' })
  .describe('With policies regex and map: how the other topics are named.');

const regex = z
  .strictObject({
    policy: z.literal('regex').describe(policy),
    match: z
      .string()
      .min(1)
      .max(MAX_PATTERN_LENGTH)
      .describe('With policy regex: pattern (RE2) of the whole source topic’s name.'),
    replacement: z
      .string()
      .min(1)
      .max(MAX_TOPIC_NAME_LENGTH)
      .describe(
        'With policy regex: the target topic’s name; `$1` is what the first group matched, `$$` a dollar sign.',
      ),
    otherwise,
  })
  .superRefine(({ match, replacement }, context) => {
    const fault = rewriteFault(match, replacement);
    if (fault !== undefined) context.addIssue({ code: 'custom', path: ['match'], message: fault });
  });
const map = z.strictObject({
  policy: z.literal('map').describe(policy),
  topics: z
    .record(topicName, topicName)
    .refine((topics) => Object.keys(topics).length > 0, 'name at least one topic')
    .refine((topics) => Object.keys(topics).length <= MAX_MAPPED_TOPICS, `at most ${MAX_MAPPED_TOPICS} topics`)
    .superRefine((topics, context) => {
      const sources = new Map<string, string>();
      for (const [topic, target] of Object.entries(topics)) {
        const other = sources.get(target);
        const message = `${other} and ${topic} would both become ${target}`;
        if (other !== undefined) context.addIssue({ code: 'custom', path: [topic], message });
        sources.set(target, topic);
      }
    })
    .describe('With policy map: source topic -> target topic.'),
  otherwise,
});

/** How target topics are named. */
export const naming = z.discriminatedUnion('policy', [identity, prefixed, template, regex, map]);
