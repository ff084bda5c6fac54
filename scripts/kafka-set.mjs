// Prints, as JSON, where one Kafka version lies on this machine, after making sure that it does: the test bed asks here.
//   node scripts/kafka-set.mjs 3.9.1

import { kafkaVersions } from './lib/kafka-jars.mjs';
import { ensureKafka } from './lib/kafka-set.mjs';
import { runMain } from './lib/project.mjs';

await runMain(async () => {
  const set = await ensureKafka(process.argv[2] ?? kafkaVersions[0]);
  process.stdout.write(`${JSON.stringify(set)}\n`);
});
