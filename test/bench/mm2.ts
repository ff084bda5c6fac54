import { writeFileSync } from 'node:fs';
import { BedChild } from '../bed/child.js';
import { jvmArgs } from '../bed/java-args.js';
import { kafkaSet } from '../bed/kafka-set.js';
import type { MirrorCase } from './mirror-cases.js';
import type { MirrorHost, MirrorRun, MirrorSubject } from './subject.js';

const heapMb = 1_024;

/** MirrorMaker 2 (3.9.1) in dedicated mode, tuned for throughput as a careful operator would. */
export const mirrorMaker2: MirrorSubject = { name: 'mm2', start };

async function start(host: MirrorHost, test: MirrorCase, sourceTopic: string, round: number): Promise<MirrorRun> {
  const set = await kafkaSet('3.9.1');
  // A fresh alias each time: fresh internal topics, fresh offsets, a fresh target topic.
  const alias = `r${round}-${test.name.toLowerCase()}`;
  const propertiesFile = host.folder.path(`mm2-${alias}.properties`);
  writeFileSync(propertiesFile, properties(alias, host, test, sourceTopic));
  const jvm = [...jvmArgs('server', heapMb, set.brokerArchive), ...set.loggingArgs, '-cp', set.classpath];
  const child = BedChild.start({
    name: `MirrorMaker 2 (${alias})`,
    command: set.java,
    args: [...jvm, 'org.apache.kafka.connect.mirror.MirrorMaker', propertiesFile],
    logFile: host.folder.path(`mm2-${alias}.log`),
  });
  return {
    targetTopic: `${alias}.${sourceTopic}`,
    processes: [{ role: 'mm2', pid: child.pid, isCounted: true }],
    stop: () => child.kill(),
  };
}

function properties(alias: string, host: MirrorHost, test: MirrorCase, sourceTopic: string): string {
  const settings: Record<string, string> = {
    clusters: `${alias}, target`,
    [`${alias}.bootstrap.servers`]: host.source.bootstrapServers,
    'target.bootstrap.servers': host.target.bootstrapServers,
    [`${alias}->target.enabled`]: 'true',
    [`${alias}->target.topics`]: sourceTopic,
    [`target->${alias}.enabled`]: 'false',
    'tasks.max': '4',
    'sync.topic.acls.enabled': 'false',
    [`${alias}.consumer.fetch.max.bytes`]: '52428800',
    [`${alias}.consumer.max.partition.fetch.bytes`]: '4194304',
    [`${alias}.consumer.max.poll.records`]: '5000',
    'target.producer.batch.size': '262144',
    'target.producer.linger.ms': '20',
    'target.producer.buffer.memory': '134217728',
    'target.producer.compression.type': test.compression,
  };
  for (const cluster of [alias, 'target']) {
    for (const client of ['consumer', 'producer', 'admin']) {
      settings[`${cluster}.${client}.receive.buffer.bytes`] = '-1';
      settings[`${cluster}.${client}.send.buffer.bytes`] = '-1';
    }
  }
  for (const topic of ['checkpoints.topic', 'heartbeats.topic', 'offset-syncs.topic'])
    settings[`${topic}.replication.factor`] = '1';
  for (const topic of ['offset', 'status', 'config']) settings[`${topic}.storage.replication.factor`] = '1';
  settings['replication.factor'] = '1';
  return Object.entries(settings)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('');
}
