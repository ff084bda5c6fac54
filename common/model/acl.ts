/** What a right is about. */
export const ACL_RESOURCES = ['topic', 'group', 'cluster', 'transactional-id', 'delegation-token', 'user'] as const;
export type AclResource = (typeof ACL_RESOURCES)[number];

/** `literal`: this very name (`*`: every one); `prefixed`: every name that begins so (KIP-290). */
export type AclPattern = 'literal' | 'prefixed';

export const ACL_OPERATIONS = [
  'all',
  'read',
  'write',
  'create',
  'delete',
  'alter',
  'describe',
  'cluster-action',
  'describe-configs',
  'alter-configs',
  'idempotent-write',
  'create-tokens',
  'describe-tokens',
  'two-phase-commit',
] as const;
export type AclOperation = (typeof ACL_OPERATIONS)[number];

export type AclPermission = 'allow' | 'deny';

/** One right: this principal, from this host, may (not) do this with that. Kafka compares them as a whole: equal ones are one. */
export interface AclBinding {
  readonly resource: AclResource;
  readonly pattern: AclPattern;
  readonly name: string;
  /** `User:alice`. */
  readonly principal: string;
  /** `*`: from everywhere. */
  readonly host: string;
  readonly operation: AclOperation;
  readonly permission: AclPermission;
}

/** The name that stands for every resource of its kind, with pattern `literal`. */
export const WILDCARD = '*';

/** One text for equal bindings; no two different ones share it. */
export function aclKey({ resource, pattern, name, principal, host, operation, permission }: AclBinding): string {
  return JSON.stringify([resource, pattern, name, principal, host, operation, permission]);
}

/** As kafka-acls would say it: `User:alice from * may READ topic orders`. */
export function aclText(binding: AclBinding): string {
  const { resource, pattern, name, principal, host, operation, permission } = binding;
  const verb = permission === 'allow' ? 'may' : 'must not';
  const kind = pattern === 'prefixed' ? `${resource}s beginning with` : resource;
  return `${principal} from ${host} ${verb} ${operation.toUpperCase().replaceAll('-', '_')} ${kind} ${name}`;
}
