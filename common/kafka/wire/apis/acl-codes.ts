import {
  ACL_OPERATIONS,
  ACL_RESOURCES,
  type AclBinding,
  type AclOperation,
  type AclPattern,
  type AclPermission,
  type AclResource,
} from '../../../model/acl.js';
import type { Reader } from '../reader.js';

/*
 * How ACLs are told on the wire (org.apache.kafka.common.resource.ResourceType, PatternType; acl.AclOperation, AclPermissionType):
 * in each of them 0 is "unknown" and 1 "any".
 */

export const ANY = 1;
const FIRST_RESOURCE = 2;
const FIRST_OPERATION = 2;
const LITERAL = 3;
const PREFIXED = 4;
const DENY = 2;
const ALLOW = 3;

export function resourceCode(resource: AclResource): number {
  return ACL_RESOURCES.indexOf(resource) + FIRST_RESOURCE;
}

export function patternCode(pattern: AclPattern): number {
  return pattern === 'literal' ? LITERAL : PREFIXED;
}

export function operationCode(operation: AclOperation): number {
  return ACL_OPERATIONS.indexOf(operation) + FIRST_OPERATION;
}

export function permissionCode(permission: AclPermission): number {
  return permission === 'allow' ? ALLOW : DENY;
}

/** The resource behind a code; undefined for one that is younger than this table. */
export function resourceOf(code: number): AclResource | undefined {
  return ACL_RESOURCES[code - FIRST_RESOURCE];
}

export function patternOf(code: number): AclPattern | undefined {
  if (code === LITERAL) return 'literal';
  return code === PREFIXED ? 'prefixed' : undefined;
}

interface Grant extends Pick<AclBinding, 'principal' | 'host'> {
  readonly operation: AclOperation | undefined;
  readonly permission: AclPermission | undefined;
}

/** principal STRING, host STRING, operation INT8, permission_type INT8, TAGS: as DescribeAcls and DeleteAcls have them. */
export function readGrant(reader: Reader): Grant {
  const grant = {
    principal: reader.string(),
    host: reader.string(),
    operation: ACL_OPERATIONS[reader.int8() - FIRST_OPERATION],
    permission: permissionOf(reader.int8()),
  };
  reader.tags();
  return grant;
}

function permissionOf(code: number): AclPermission | undefined {
  if (code === ALLOW) return 'allow';
  return code === DENY ? 'deny' : undefined;
}
