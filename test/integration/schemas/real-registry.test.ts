import { describe } from 'node:test';
import { registryMissing, startSchemaRegistry } from '../../bed/schema-registry.js';
import { copyContract } from '../../unit/schemas/copy-contract.js';

describe('schemas from registry to registry (real ones)', { skip: registryMissing() ?? false }, () => {
  copyContract(async () => {
    const [east, west] = await Promise.all([startSchemaRegistry(), startSchemaRegistry()]);
    return { east: east.url, west: west.url, stop: async () => void (await Promise.all([east.stop(), west.stop()])) };
  });
});
