// npm run bench -- NAME [--json FILE] [--quick] [...]: Causeway measured, with MirrorMaker 2 beside it in the same run.
//   npm run bench -- help   tells what there is and how long it takes.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { bootstrap } from './lib/bootstrap.mjs';
import { distRoot, runMain, SetupError } from './lib/project.mjs';

await runMain(async () => {
  if (process.platform !== 'linux')
    throw new SetupError('The benchmarks read CPU times and memory from /proc: run them on Linux.');
  await bootstrap();
  const { benchCommand } = await import(pathToFileURL(join(distRoot, 'test', 'bench', 'main.js')).href);
  try {
    const command = benchCommand(process.argv.slice(2));
    await bootstrap({ compile: false, kafka: ['3.9.1'], openssl: command.needsOpenssl });
    await command.run((line) => console.log(line));
  } catch (error) {
    if (error?.name === 'UsageError') throw new SetupError(error.message);
    throw error;
  }
});
// A socket that was reset in the middle of a write can keep Node from ending by itself.
process.exit();
