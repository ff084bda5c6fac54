// npm run model: the ownership protocol's models, checked exhaustively within larger bounds. `--help` lists the options.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { bootstrap } from './lib/bootstrap.mjs';
import { distRoot, runMain } from './lib/project.mjs';

await runMain(async () => {
  await bootstrap();
  const { runModels } = await import(pathToFileURL(join(distRoot, 'test', 'model', 'main.js')).href);
  return runModels(process.argv.slice(2));
});
