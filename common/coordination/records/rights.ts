import { z } from 'zod';
import type { QuotaEntity } from '../../model/client-quota.js';
import type { RightsMemory } from '../../model/rights-memory.js';
import { decodeRecord, encodeRecord } from './codec.js';

const entity = z
  .object({ user: z.string().nullable().optional(), clientId: z.string().nullable().optional() })
  .transform(
    ({ user, clientId }): QuotaEntity => ({
      ...(user === undefined ? {} : { user }),
      ...(clientId === undefined ? {} : { clientId }),
    }),
  );

const rightsMemory = z.object({
  route: z.string(),
  target: z.string(),
  acls: z.array(z.string()),
  quotas: z.array(z.object({ entity, key: z.string(), value: z.number() })),
});

export function encodeRightsMemory(memory: RightsMemory): Buffer {
  return encodeRecord(memory, { gzip: true });
}

export function decodeRightsMemory(data: Buffer, path: string): RightsMemory {
  return decodeRecord(rightsMemory, data, path);
}
