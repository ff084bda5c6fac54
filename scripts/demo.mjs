// npm run demo: two real Kafka clusters, a real ZooKeeper, two controllers, two workers, live load. `--help` lists the options.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { bootstrap } from './lib/bootstrap.mjs';
import { distRoot, runMain } from './lib/project.mjs';

await runMain(async () => {
  await bootstrap({ kafka: ['3.9.1', '4.1.0'] });
  const { runDemo } = await import(pathToFileURL(join(distRoot, 'test', 'demo', 'main.js')).href);
  return runDemo(process.argv.slice(2));
});
