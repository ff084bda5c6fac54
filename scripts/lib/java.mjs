// Java 17+ (brokers, ZooKeeper, MirrorMaker 2), Maven (fetches their jars), openssl (certificates of secured test
// listeners). Missing ones are installed where that needs no question: root on Debian or Ubuntu.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { SetupError, say } from './project.mjs';
import { run } from './run.mjs';

const minimumJava = 17;

/** The `java` to use: JAVA_HOME's where set, else the PATH's. */
export function javaCommand() {
  const home = process.env.JAVA_HOME;
  if (home && existsSync(join(home, 'bin', 'java'))) return join(home, 'bin', 'java');
  return 'java';
}

/** @returns {Promise<string | undefined>} the full version ("17.0.15"), undefined without a usable Java. */
export async function javaVersion() {
  const result = await run(javaCommand(), ['-version'], { timeoutMs: 30_000 });
  const version = /version "([^"]+)"/.exec(result.output)?.[1];
  if (result.code !== 0 || version === undefined) return undefined;
  return Number.parseInt(version, 10) >= minimumJava ? version : undefined;
}

async function hasCommand(command, args) {
  return (await run(command, args, { timeoutMs: 30_000 })).code === 0;
}

function canInstallPackages() {
  return process.getuid?.() === 0 && existsSync('/etc/debian_version') && existsSync('/usr/bin/apt-get');
}

async function aptInstall(candidates) {
  const options = { env: { DEBIAN_FRONTEND: 'noninteractive' }, timeoutMs: 900_000 };
  say(`installing ${candidates[0]} with apt-get`);
  await run('apt-get', ['update', '-qq'], options);
  let last = '';
  for (const name of candidates) {
    const result = await run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', name], options);
    if (result.code === 0) return;
    last = result.output;
  }
  throw new SetupError(`apt-get could not install ${candidates.join(' or ')}; its last words:\n${last.slice(-2_000)}`);
}

async function ensure(present, candidates, sentence) {
  if (await present()) return;
  if (canInstallPackages()) await aptInstall(candidates);
  if (!(await present())) throw new SetupError(sentence);
}

/** @returns {Promise<string>} the Java version in use. */
export async function ensureJava() {
  await ensure(
    async () => (await javaVersion()) !== undefined,
    ['openjdk-17-jre-headless', 'default-jre-headless'],
    'Real Kafka brokers need Java 17 or newer: install a Java runtime (Debian/Ubuntu: apt-get install openjdk-17-jre-headless) and run the command again.',
  );
  return await javaVersion();
}

export function ensureMaven() {
  return ensure(
    () => hasCommand('mvn', ['-version']),
    ['maven'],
    "Kafka's jars are fetched with Maven: install it (Debian/Ubuntu: apt-get install maven), or point CAUSEWAY_KAFKA_HOME to unpacked Kafka distributions, and run the command again.",
  );
}

export function ensureOpenssl() {
  return ensure(
    () => hasCommand('openssl', ['version']),
    ['openssl'],
    'Certificates of the secured test listeners are made with openssl: install it and run the command again.',
  );
}
