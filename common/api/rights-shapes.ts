import { ACL_OPERATIONS, ACL_RESOURCES } from '../model/acl.js';
import { z } from './zod.js';

/** What every item of a plan has. */
export const itemBase = {
  action: z.enum(['create', 'change', 'delete', 'report']),
  /** Where it would be done. */
  cluster: z.string(),
  /** What is there now, and what would be; null: nothing. */
  before: z.string().nullable(),
  after: z.string().nullable(),
  reason: z.string(),
  /** Whether apply does it. */
  applies: z.boolean(),
};

const acl = z.object({
  resource: z.enum(ACL_RESOURCES),
  pattern: z.enum(['literal', 'prefixed']),
  name: z.string(),
  principal: z.string(),
  host: z.string(),
  operation: z.enum(ACL_OPERATIONS),
  permission: z.enum(['allow', 'deny']),
});

/** Items about rights, quotas and users. */
export const rightsPlanItems = [
  z.object({ kind: z.literal('acl'), ...itemBase, acl }),
  z.object({
    kind: z.literal('quota'),
    ...itemBase,
    user: z.string().nullable(),
    clientId: z.string().nullable(),
    quota: z.string().nullable(),
  }),
  z.object({ kind: z.literal('user'), ...itemBase, user: z.string() }),
  z.object({ kind: z.literal('authorizer'), ...itemBase }),
] as const;
