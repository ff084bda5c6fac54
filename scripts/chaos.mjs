// npm run chaos: real clusters, a real fleet, load, and faults decided by a seed. `--help` lists the options.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { bootstrap } from './lib/bootstrap.mjs';
import { ensureKafka } from './lib/kafka-set.mjs';
import { distRoot, runMain } from './lib/project.mjs';

const prepare = async () => {
  for (const version of ['3.9.1', '4.1.0']) await ensureKafka(version);
};

await runMain(async () => {
  await bootstrap();
  const { runChaos } = await import(pathToFileURL(join(distRoot, 'test', 'chaos', 'main.js')).href);
  return runChaos(process.argv.slice(2), prepare);
});
// A socket that was reset in the middle of a write can keep Node from ending by itself.
process.exit();
