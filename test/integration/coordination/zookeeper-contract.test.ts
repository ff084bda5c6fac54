import { describe } from 'node:test';
import { startZooKeeper } from '../../bed/zookeeper.js';
import { contractSuite } from './contract.js';
import { expireSession, openStore, uniqueRoot } from './zookeeper-kit.js';

describe('CoordinationStore contract on ZooKeeper', () => {
  contractSuite(async () => {
    const server = await startZooKeeper({ name: 'coordination-contract' });
    const root = uniqueRoot();
    return {
      name: 'zookeeper',
      open: () => openStore({ connect: server.connect, root }),
      expire: (store) => expireSession(server.connect, store),
      stop: () => server.stop(),
    };
  });
});
