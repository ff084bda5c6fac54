// One Kafka version made ready to start fast: jars, quiet logging, a formatted storage template and class-data archives
// (they halve a JVM's start, and take most of its CPU away). All of it cached; all but the jars only an optimisation.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import { ensureJava, javaCommand } from './java.mjs';
import { ensureKafkaJars, isLegacyKafka } from './kafka-jars.mjs';
import { withLock } from './lock.mjs';
import { SetupError, say } from './project.mjs';
import { run } from './run.mjs';

const log4j1 = `log4j.rootLogger=WARN, out
log4j.appender.out=org.apache.log4j.ConsoleAppender
log4j.appender.out.layout=org.apache.log4j.PatternLayout
log4j.appender.out.layout.ConversionPattern=%d %p %m (%c{1})%n
log4j.logger.kafka.server.KafkaRaftServer=INFO
log4j.logger.kafka.server.KafkaServer=INFO
log4j.logger.org.apache.kafka.clients=ERROR
log4j.logger.org.apache.zookeeper.server.ZooKeeperServerMain=INFO
`;

const log4j2 = `status=warn
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d %p %m (%c{1})%n
rootLogger.level=warn
rootLogger.appenderRef.out.ref=out
logger.server.name=kafka.server.KafkaRaftServer
logger.server.level=info
logger.clients.name=org.apache.kafka.clients
logger.clients.level=error
`;

const brokerStarted = 'Kafka Server started';
const warmUpLimitMs = 60_000;

function writeLogging(workDir, version) {
  const isLog4j1 = !version.startsWith('4.');
  const path = join(workDir, isLog4j1 ? 'log4j.properties' : 'log4j2.properties');
  const wanted = isLog4j1 ? log4j1 : log4j2;
  if (!existsSync(path) || readFileSync(path, 'utf8') !== wanted) {
    // A starting broker may be reading it: never show a half-written file.
    writeFileSync(`${path}.${process.pid}`, wanted);
    renameSync(`${path}.${process.pid}`, path);
  }
  return isLog4j1 ? [`-Dlog4j.configuration=file:${path}`] : [`-Dlog4j2.configurationFile=file:${path}`];
}

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function writeBrokerConfig(folder) {
  const [brokerPort, controllerPort] = [await freePort(), await freePort()];
  const path = join(folder, 'server.properties');
  const lines = [
    'process.roles=broker,controller',
    'node.id=1',
    `controller.quorum.voters=1@127.0.0.1:${controllerPort}`,
    `listeners=PLAINTEXT://127.0.0.1:${brokerPort},CONTROLLER://127.0.0.1:${controllerPort}`,
    'controller.listener.names=CONTROLLER',
    'listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    `log.dirs=${join(folder, 'data')}`,
  ];
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
}

/** Starts a JVM that writes its class-data archive when it ends, and ends it as soon as `marker` is logged. */
export async function recordArchive(javaArgs, marker, archive, java = javaCommand()) {
  const unfinished = `${archive}.${process.pid}`;
  const child = spawn(java, [`-XX:ArchiveClassesAtExit=${unfinished}`, ...javaArgs], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const killer = setTimeout(() => child.kill('SIGKILL'), warmUpLimitMs);
  const onExit = () => child.kill('SIGKILL');
  process.once('exit', onExit);
  let output = '';
  const collect = (chunk) => {
    output += chunk;
    if (output.includes(marker)) child.kill('SIGTERM');
  };
  child.stdout.on('data', collect);
  child.stderr.on('data', collect);
  await new Promise((resolve) => {
    child.on('close', resolve);
    child.on('error', resolve);
  });
  clearTimeout(killer);
  process.off('exit', onExit);
  if (existsSync(unfinished)) renameSync(unfinished, archive);
}

async function formatTemplate(set, scratch) {
  const config = await writeBrokerConfig(scratch);
  const args = ['-Xshare:auto', ...set.loggingArgs, '-cp', set.classpath, 'kafka.tools.StorageTool'];
  const result = await run(javaCommand(), [...args, 'format', '-t', 'AAAAAAAAAAAAAAAAAAAAAQ', '-c', config], {
    timeoutMs: 60_000,
  });
  const checkpoint = join(scratch, 'data', 'bootstrap.checkpoint');
  if (result.code !== 0 || !existsSync(checkpoint)) {
    throw new SetupError(`Kafka ${set.version} could not format its storage:\n${result.output.slice(-2_000)}`);
  }
  return { config, checkpoint };
}

async function prepare(set) {
  say(`preparing Kafka ${set.version} for fast starts (once)`);
  const scratch = mkdtempSync(join(set.workDir, 'prepare-'));
  try {
    const { config, checkpoint } = await formatTemplate(set, scratch);
    cpSync(checkpoint, `${set.bootstrapCheckpoint}.new`);
    const jvm = ['-Xmx320m', '-XX:+UseSerialGC', ...set.loggingArgs];
    await recordArchive([...jvm, '-cp', set.classpath, 'kafka.Kafka', config], brokerStarted, set.brokerArchive);
    renameSync(`${set.bootstrapCheckpoint}.new`, set.bootstrapCheckpoint);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/**
 * Makes one Kafka version ready on this machine.
 * @returns {Promise<{version: string, java: string, libsDir: string, classpath: string, workDir: string, loggingArgs: string[],
 *   bootstrapCheckpoint: string, brokerArchive: string}>}
 *   `bootstrapCheckpoint`: what `kafka-storage format` writes besides meta.properties, missing where a version only knows ZooKeeper;
 *   the archive may be missing.
 */
export async function ensureKafka(version) {
  const java = await ensureJava();
  const { libsDir, jars, workDir } = await ensureKafkaJars(version);
  const classpath = jars.map((jar) => join(libsDir, jar)).join(delimiter);
  // An archive belongs to one JVM and one class path.
  const digest = createHash('sha256').update(`${java}\n${classpath}`).digest('hex').slice(0, 8);
  const set = {
    version,
    java: javaCommand(),
    libsDir,
    classpath,
    workDir,
    loggingArgs: writeLogging(workDir, version),
    bootstrapCheckpoint: join(workDir, `bootstrap-${digest}.checkpoint`),
    brokerArchive: join(workDir, `broker-${digest}.jsa`),
  };
  if (!isLegacyKafka(version) && !existsSync(set.bootstrapCheckpoint)) {
    await withLock(join(workDir, 'prepare.lock'), async () => {
      mkdirSync(workDir, { recursive: true });
      if (!existsSync(set.bootstrapCheckpoint)) await prepare(set);
    });
  }
  return set;
}
