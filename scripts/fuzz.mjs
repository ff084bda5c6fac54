// npm run fuzz: hostile bytes for everything that reads a stranger's. `--help` lists the options.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { bootstrap } from './lib/bootstrap.mjs';
import { distRoot, runMain } from './lib/project.mjs';

await runMain(async () => {
  await bootstrap();
  const { runFuzz } = await import(pathToFileURL(join(distRoot, 'test', 'fuzz', 'main.js')).href);
  return runFuzz(process.argv.slice(2));
});
