// npm run mutants: the product with one rule off or one bug in it, again and again; each has to be noticed. `--help` lists the options.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { bootstrap } from './lib/bootstrap.mjs';
import { kafkaVersions } from './lib/kafka-jars.mjs';
import { distRoot, runMain } from './lib/project.mjs';

await runMain(async () => {
  await bootstrap({ kafka: kafkaVersions });
  const { runMutants } = await import(pathToFileURL(join(distRoot, 'test', 'mutants', 'main.js')).href);
  return runMutants(process.argv.slice(2));
});
