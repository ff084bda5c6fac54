import type { QuotaEntityPart } from '../../../common/kafka/wire/apis/describe-client-quotas.js';
import type { QuotaEntity } from '../../../common/model/client-quota.js';

const USER = 'user';
const CLIENT_ID = 'client-id';

/** Undefined: an address (`ip`), or a type that is younger than this. Those quotas are about a cluster's own network. */
export function entityOf(parts: readonly QuotaEntityPart[]): QuotaEntity | undefined {
  const entity: { user?: string | null; clientId?: string | null } = {};
  for (const { type, name } of parts) {
    if (type === USER) entity.user = name;
    else if (type === CLIENT_ID) entity.clientId = name;
    else return undefined;
  }
  return entity;
}

export function entityParts({ user, clientId }: QuotaEntity): readonly QuotaEntityPart[] {
  return [
    ...(user === undefined ? [] : [{ type: USER, name: user }]),
    ...(clientId === undefined ? [] : [{ type: CLIENT_ID, name: clientId }]),
  ];
}
