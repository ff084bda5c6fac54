import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe } from 'node:test';
import { openEmbeddedEngine } from '../../../common/coordination/embedded/engine.js';
import { silentLogger } from '../../../common/observability/logger.js';
import { systemClock } from '../../../common/runtime/clock.js';
import { systemRandom } from '../../../common/runtime/random.js';
import { contractSuite } from './contract.js';

describe('CoordinationStore contract on the embedded store', () => {
  contractSuite(async () => {
    const dir = await mkdtemp(join(tmpdir(), 'causeway-store-'));
    const engine = await openEmbeddedEngine({ dir, clock: systemClock, random: systemRandom, logger: silentLogger });
    return {
      name: 'embedded',
      open: () => engine.connect(),
      expire: async (store) => engine.expireSession(store.session().id),
      stop: async () => {
        await engine.close();
        await rm(dir, { recursive: true });
      },
    };
  });
});
