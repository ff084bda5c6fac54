import { z } from 'zod';
import { RECOVERY_ACTS, RECOVERY_KINDS } from '../model/recovery.js';
import type { RecoveryHook } from '../model/recovery-hook.js';
import { identifier } from './fields.js';

const MAX_ARGUMENTS = 64;

const hook = z
  .strictObject({
    when: z.enum(['before', 'after']).default('after').describe('Whether it runs before or after its step.'),
    step: z
      .enum(RECOVERY_ACTS)
      .exclude(['hook'])
      .describe('The step it belongs to, as `causeway recovery describe` calls it, without `back-`.'),
    kinds: z
      .array(z.enum(RECOVERY_KINDS).exclude(['drill']))
      .max(RECOVERY_KINDS.length)
      .default([])
      .describe('Programs that run it; all of them unless set. A drill never does.'),
    url: z
      .url({ protocol: /^https?$/ })
      .optional()
      .describe('A webhook: POST with a JSON body; any status of 2xx is success.'),
    secret: z
      .string()
      .min(16)
      .optional()
      .describe('Signs the body: `x-causeway-signature: sha256=<HMAC-SHA-256, hexadecimal>`.'),
    secretFile: z.string().min(1).optional().describe('File that holds the secret.'),
    token: z.string().min(1).optional().describe('Bearer token of the webhook.'),
    tokenFile: z.string().min(1).optional().describe('File that holds the bearer token.'),
    command: z
      .array(z.string().max(4_096))
      .min(1)
      .max(MAX_ARGUMENTS)
      .optional()
      .describe(
        'A program with its arguments, run without a shell; the JSON is its standard input, exit code 0 is success.',
      ),
    timeoutMs: z
      .number()
      .int()
      .min(100)
      .max(600_000)
      .default(10_000)
      .describe('After this long an attempt has failed.'),
    retries: z.number().int().min(0).max(20).default(2).describe('Attempts after the first one.'),
    onFailure: z
      .enum(['stop', 'continue'])
      .default('stop')
      .describe(
        'After its last attempt: the program fails, and a resume calls it again (`stop`); or that is noted, and the program goes on without it (`continue`: for what only tells people).',
      ),
  })
  .refine(({ url, command }) => (url === undefined) !== (command === undefined), { message: 'give url or command' });

/** `recovery`: what recovery programs do besides their own steps. */
export const recovery = z.strictObject({
  hooks: z
    .record(identifier, hook)
    .default({})
    .describe(
      'What programs call before or after their steps: DNS, proxies, chat. The same in every controller’s file.',
    ),
});

/** As programs use them, in the order of the file. */
export function recoveryHooks(section: z.output<typeof recovery> | undefined): readonly RecoveryHook[] {
  return Object.entries(section?.hooks ?? {}).map(([name, { url, command, secret, token, ...rest }]): RecoveryHook => {
    const { when, step, kinds, timeoutMs, retries, onFailure } = rest;
    const base = { name, when, step, kinds, timeoutMs, retries, onFailure };
    if (url === undefined) return { ...base, type: 'command', command: command ?? [] };
    const credentials = { ...(secret === undefined ? {} : { secret }), ...(token === undefined ? {} : { token }) };
    return { ...base, type: 'webhook', url, ...credentials };
  });
}
