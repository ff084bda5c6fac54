// npm run bed: two Kafka clusters and a ZooKeeper to play with by hand; Ctrl-C stops them and removes their data.
//   npm run bed [-- --brokers 1..3] [--source-version 3.9.1] [--target-version 4.1.0]
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { bootstrap } from './lib/bootstrap.mjs';
import { distRoot, runMain, SetupError } from './lib/project.mjs';

function options() {
  try {
    const { values } = parseArgs({
      options: {
        brokers: { type: 'string', default: '1' },
        'source-version': { type: 'string', default: '3.9.1' },
        'target-version': { type: 'string', default: '4.1.0' },
      },
    });
    return { brokers: Number(values.brokers), source: values['source-version'], target: values['target-version'] };
  } catch (error) {
    throw new SetupError(
      `${error.message}; usage: npm run bed -- [--brokers 1..3] [--source-version V] [--target-version V]`,
    );
  }
}

function untilSignal() {
  // A pending promise alone does not keep Node running.
  const alive = setInterval(() => {}, 60_000);
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, resolve);
  }).finally(() => clearInterval(alive));
}

await runMain(async () => {
  const { brokers, source, target } = options();
  await bootstrap({ kafka: [...new Set(['3.9.1', source, target])] });
  const bed = (file) => import(pathToFileURL(join(distRoot, 'test', 'bed', file)).href);
  const { startKafkaCluster } = await bed('kafka.js');
  const { startZooKeeper } = await bed('zookeeper.js');
  const started = await Promise.all([
    startKafkaCluster({ name: 'source', version: source, brokers }),
    startKafkaCluster({ name: 'target', version: target, brokers }),
    startZooKeeper(),
  ]);
  const [sourceCluster, targetCluster, zooKeeper] = started;
  console.log(`source     ${sourceCluster.bootstrapServers}  (Kafka ${source})`);
  console.log(`target     ${targetCluster.bootstrapServers}  (Kafka ${target})`);
  console.log(`zookeeper  ${zooKeeper.connect}`);
  console.log('Ctrl-C stops all three and removes their data.');
  await untilSignal();
  await Promise.all(started.map((part) => part.stop()));
});
