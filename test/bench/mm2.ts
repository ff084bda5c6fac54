import { writeFileSync } from 'node:fs';
import { BedChild } from '../bed/child.js';
import { jvmArgs } from '../bed/java-args.js';
import type { KafkaClusterHandle } from '../bed/kafka.js';
import { kafkaSet } from '../bed/kafka-set.js';
import type { MirrorHost, MirrorPlan, MirrorRun, MirrorSubject, Mm2Tuning } from './subject.js';

const heapMb = 1_024;
const leaveLimitMs = 30_000;

/** MirrorMaker 2 (3.9.1) in dedicated mode, tuned as a careful operator would unless the plan says otherwise. */
export const mirrorMaker2: MirrorSubject = { name: 'mm2', start };

async function start(host: MirrorHost, plan: MirrorPlan): Promise<MirrorRun> {
  const set = await kafkaSet('3.9.1');
  const { alias } = plan;
  const propertiesFile = host.folder.path(`mm2-${alias}.properties`);
  const text = Object.entries(mm2Properties(host, plan)).map(([key, value]) => `${key}=${value}\n`);
  writeFileSync(propertiesFile, text.join(''));
  const jvm = [...jvmArgs('server', heapMb, set.brokerArchive), ...set.loggingArgs, '-cp', set.classpath];
  const child = BedChild.start({
    name: `MirrorMaker 2 (${alias})`,
    command: set.java,
    args: [...jvm, 'org.apache.kafka.connect.mirror.MirrorMaker', propertiesFile],
    logFile: host.folder.path(`mm2-${alias}.log`),
  });
  return {
    processes: [{ role: 'mm2', pid: child.pid, isCounted: true }],
    stop: () => child.kill(),
    leave: async () => {
      await child.terminate(leaveLimitMs);
    },
  };
}

type Settings = Record<string, string>;

function mm2Properties(host: MirrorHost, plan: MirrorPlan): Settings {
  const { alias, topics, tuning = 'throughput', mm2Settings = {} } = plan;
  const settings: Settings = {
    clusters: `${alias}, target`,
    ...connection(alias, host.source, host.sourceBootstrap),
    ...connection('target', host.target, host.targetBootstrap),
    [`${alias}->target.enabled`]: 'true',
    [`${alias}->target.topics`]: topics.join(','),
    [`target->${alias}.enabled`]: 'false',
    'sync.topic.acls.enabled': 'false',
    ...tunings[tuning](plan),
    'replication.factor': '1',
  };
  for (const topic of ['checkpoints.topic', 'heartbeats.topic', 'offset-syncs.topic'])
    settings[`${topic}.replication.factor`] = '1';
  for (const topic of ['offset', 'status', 'config']) settings[`${topic}.storage.replication.factor`] = '1';
  for (const [key, value] of Object.entries(mm2Settings)) settings[key.replace('SOURCE', alias)] = value;
  return settings;
}

const tunings: Readonly<Record<Mm2Tuning, (plan: MirrorPlan) => Settings>> = {
  defaults: ({ compression }) => ({ 'target.producer.compression.type': compression }),
  latency: ({ alias, compression }) => ({
    'tasks.max': '1',
    // No linger (the default), but room for a load near its top.
    ...largeFetches(alias),
    'target.producer.batch.size': '262144',
    'target.producer.buffer.memory': '134217728',
    'target.producer.compression.type': compression,
    ...unpinnedBuffers(alias),
  }),
  throughput: ({ alias, compression }) => ({
    'tasks.max': '4',
    ...largeFetches(alias),
    'target.producer.batch.size': '262144',
    'target.producer.linger.ms': '20',
    'target.producer.buffer.memory': '134217728',
    'target.producer.compression.type': compression,
    ...unpinnedBuffers(alias),
  }),
};

function largeFetches(alias: string): Settings {
  return {
    [`${alias}.consumer.fetch.max.bytes`]: '52428800',
    [`${alias}.consumer.max.partition.fetch.bytes`]: '4194304',
    [`${alias}.consumer.max.poll.records`]: '5000',
  };
}

/** Pinned socket buffers stall Java clients on loopback. */
function unpinnedBuffers(alias: string): Settings {
  const settings: Settings = {};
  for (const cluster of [alias, 'target']) {
    for (const client of ['consumer', 'producer', 'admin']) {
      settings[`${cluster}.${client}.receive.buffer.bytes`] = '-1';
      settings[`${cluster}.${client}.send.buffer.bytes`] = '-1';
    }
  }
  return settings;
}

function connection(name: string, { bootstrapServers, security }: KafkaClusterHandle, bootstrap?: string): Settings {
  const settings: Settings = { [`${name}.bootstrap.servers`]: bootstrap ?? bootstrapServers };
  if (security?.caFile === undefined) return settings;
  return {
    ...settings,
    [`${name}.security.protocol`]: 'SSL',
    [`${name}.ssl.truststore.type`]: 'PEM',
    [`${name}.ssl.truststore.location`]: security.caFile,
  };
}
