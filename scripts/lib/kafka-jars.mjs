// Kafka's jars by Maven coordinates, copied once into the cache; or those of a Kafka distribution that is already there.
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { ensureMaven } from './java.mjs';
import { withLock } from './lock.mjs';
import { SetupError, say } from './project.mjs';
import { run } from './run.mjs';

export const kafkaVersions = ['3.9.1', '4.1.0', '2.8.2', '2.1.1'];

/** Versions that only know ZooKeeper, for tests against old brokers. */
export function isLegacyKafka(version) {
  return version.startsWith('2.');
}

// 3.9's dependencies bring ZooKeeper and a log4j 1 backend; MirrorMaker 2 of that version is the one we are measured against.
const artifacts = {
  '3.9.1': [
    'org.apache.kafka:kafka_2.13:3.9.1',
    'org.apache.kafka:kafka-tools:3.9.1',
    'org.apache.kafka:connect-runtime:3.9.1',
    'org.apache.kafka:connect-mirror:3.9.1',
  ],
  '4.1.0': [
    'org.apache.kafka:kafka_2.13:4.1.0',
    'org.apache.kafka:kafka-tools:4.1.0',
    'org.apache.logging.log4j:log4j-slf4j-impl:2.24.3',
  ],
  '2.8.2': ['org.apache.kafka:kafka_2.13:2.8.2', 'org.slf4j:slf4j-reload4j:1.7.36'],
  // Its own ZooKeeper client (3.4) cannot resolve addresses on Java 14 and later (ZOOKEEPER-3779); 3.5 brings a log4j 1 backend.
  '2.1.1': ['org.apache.kafka:kafka_2.12:2.1.1', 'org.apache.zookeeper:zookeeper:3.5.9'],
};

const requiredJars = {
  '3.9.1': [
    'kafka_2.13-3.9.1',
    'kafka-clients-3.9.1',
    'kafka-tools-3.9.1',
    'zookeeper-3.8',
    'slf4j-reload4j',
    'scala-library',
  ],
  '4.1.0': [
    'kafka_2.13-4.1.0',
    'kafka-clients-4.1.0',
    'kafka-tools-4.1.0',
    'log4j-core',
    'log4j-slf4j',
    'scala-library',
  ],
  '2.8.2': ['kafka_2.13-2.8.2', 'kafka-clients-2.8.2', 'zookeeper-3.5', 'slf4j-reload4j', 'scala-library'],
  '2.1.1': ['kafka_2.12-2.1.1', 'kafka-clients-2.1.1', 'zookeeper-3.5.9', 'slf4j-log4j12', 'scala-library'],
};

const copyGoal = 'org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies';

export function cacheDir() {
  return process.env.CAUSEWAY_CACHE_DIR || join(homedir(), '.cache', 'causeway');
}

function pomOf(version) {
  const dependencies = artifacts[version].map((coordinate) => {
    const [group, artifact, artifactVersion] = coordinate.split(':');
    return `    <dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${artifactVersion}</version></dependency>`;
  });
  return `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>causeway.bed</groupId><artifactId>kafka</artifactId><version>${version}</version><packaging>pom</packaging>
  <dependencies>
${dependencies.join('\n')}
  </dependencies>
</project>
`;
}

function jarsIn(folder) {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.jar'))
    .sort();
}

function missingJars(version, jars) {
  return requiredJars[version].filter((prefix) => !jars.some((jar) => jar.startsWith(prefix)));
}

function isComplete(setDir) {
  try {
    const { jars } = JSON.parse(readFileSync(join(setDir, 'jars.json'), 'utf8'));
    return jars.every(({ name, sizeBytes }) => statSync(join(setDir, 'libs', name)).size === sizeBytes);
  } catch {
    return false;
  }
}

async function copyWithMaven(version, into) {
  const pom = join(into, 'pom.xml');
  const libs = join(into, 'libs');
  writeFileSync(pom, pomOf(version));
  const args = ['-B', '-q', '-f', pom, copyGoal, '-DincludeScope=runtime', `-DoutputDirectory=${libs}`];
  let result = await run('mvn', args, { timeoutMs: 900_000 });
  if (result.code !== 0) {
    // Maven remembers a failed download for a day; -U makes it ask again.
    result = await run('mvn', [...args, '-U'], { timeoutMs: 900_000 });
  }
  if (result.code !== 0) {
    throw new SetupError(`Maven could not fetch Kafka ${version}; its last words:\n${result.output.slice(-3_000)}`);
  }
  const jars = jarsIn(libs);
  const missing = missingJars(version, jars);
  if (missing.length > 0) throw new SetupError(`Kafka ${version} as fetched by Maven lacks ${missing.join(', ')}`);
  const manifest = jars.map((name) => ({ name, sizeBytes: statSync(join(libs, name)).size }));
  writeFileSync(join(into, 'jars.json'), JSON.stringify({ version, jars: manifest }, null, 1));
}

async function fetchSet(version) {
  const digest = createHash('sha256').update(pomOf(version)).digest('hex').slice(0, 8);
  const setDir = join(cacheDir(), `kafka-${version}-${digest}`);
  if (isComplete(setDir)) return setDir;
  await withLock(`${setDir}.lock`, async () => {
    if (isComplete(setDir)) return;
    await ensureMaven();
    say(`fetching Kafka ${version} by Maven coordinates (once, cached in ${cacheDir()})`);
    const fresh = mkdtempSync(join(cacheDir(), 'fetch-'));
    try {
      await copyWithMaven(version, fresh);
      rmSync(setDir, { recursive: true, force: true });
      renameSync(fresh, setDir);
    } finally {
      rmSync(fresh, { recursive: true, force: true });
    }
  });
  return setDir;
}

/** Unpacked distributions named by CAUSEWAY_KAFKA_HOME (several: separated like PATH), found by their Kafka version. */
function distributionOf(version) {
  const homes = (process.env.CAUSEWAY_KAFKA_HOME ?? '').split(delimiter).filter((home) => home !== '');
  for (const home of homes) {
    const libs = join(home, 'libs');
    if (!existsSync(libs))
      throw new SetupError(
        `CAUSEWAY_KAFKA_HOME: ${home} has no libs folder; it must be an unpacked Kafka distribution`,
      );
    if (jarsIn(libs).includes(`${requiredJars[version][0]}.jar`)) return libs;
  }
  return undefined;
}

/**
 * Makes sure the jars of one Kafka version are on this machine.
 * @returns {Promise<{libsDir: string, jars: string[], workDir: string}>} `workDir`: where to keep what is made from them.
 */
export async function ensureKafkaJars(version) {
  if (!kafkaVersions.includes(version))
    throw new SetupError(`no Kafka ${version} here; known: ${kafkaVersions.join(', ')}`);
  const libs = distributionOf(version);
  if (libs === undefined) {
    const setDir = await fetchSet(version);
    return { libsDir: join(setDir, 'libs'), jars: jarsIn(join(setDir, 'libs')), workDir: setDir };
  }
  const digest = createHash('sha256').update(libs).digest('hex').slice(0, 8);
  const workDir = join(cacheDir(), `kafka-home-${version}-${digest}`);
  mkdirSync(workDir, { recursive: true });
  return { libsDir: libs, jars: jarsIn(libs), workDir };
}
