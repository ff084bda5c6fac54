// Prints, as JSON, where the schema registry of the tests lies on this machine, after making sure that it does.

import { runMain } from './lib/project.mjs';
import { ensureRegistry } from './lib/registry-set.mjs';

await runMain(async () => {
  process.stdout.write(`${JSON.stringify(await ensureRegistry())}\n`);
});
