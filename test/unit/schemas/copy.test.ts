import { describe } from 'node:test';
import { copyContract } from './copy-contract.js';
import { FakeRegistry } from './fake-registry.js';

describe('schemas from registry to registry (doubles of registries)', () => {
  copyContract(async () => {
    const [east, west] = [await FakeRegistry.start(), await FakeRegistry.start()];
    return { east: east.url, west: west.url, stop: async () => void (await Promise.all([east.stop(), west.stop()])) };
  });
});
