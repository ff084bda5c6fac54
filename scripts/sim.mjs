// npm run sim: controllers and workers on virtual time, beside models of ZooKeeper and Kafka. `--help` lists the options.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { bootstrap } from './lib/bootstrap.mjs';
import { distRoot, runMain } from './lib/project.mjs';

await runMain(async () => {
  await bootstrap();
  const { runSimulation } = await import(pathToFileURL(join(distRoot, 'test', 'sim', 'main.js')).href);
  return runSimulation(process.argv.slice(2));
});
