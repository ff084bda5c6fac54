// node_modules in step with package-lock.json, and the compiled dist/.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot, SetupError, say } from './project.mjs';
import { run } from './run.mjs';

const lockFile = join(projectRoot, 'package-lock.json');
const installedLockFile = join(projectRoot, 'node_modules', '.package-lock.json');
// A checkout touches the lock file without changing it; the digest tells that apart from a real change.
const digestFile = join(projectRoot, 'node_modules', '.causeway-lock-digest');

function lockDigest() {
  return createHash('sha256').update(readFileSync(lockFile)).digest('hex');
}

function isInstalled() {
  if (!existsSync(installedLockFile)) return false;
  if (existsSync(digestFile) && readFileSync(digestFile, 'utf8') === lockDigest()) return true;
  return statSync(installedLockFile).mtimeMs >= statSync(lockFile).mtimeMs;
}

/** `npm ci` where node_modules is missing or does not belong to package-lock.json. */
export async function ensurePackages() {
  if (isInstalled()) return;
  say('installing npm packages');
  const npmCli = process.env.npm_execpath;
  const args = ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'];
  const result = npmCli?.endsWith('.js')
    ? await run(process.execPath, [npmCli, ...args], { cwd: projectRoot })
    : await run('npm', args, { cwd: projectRoot });
  if (result.code !== 0) {
    throw new SetupError(`npm ci failed (status ${result.code}); its last words:\n${result.output.slice(-4_000)}`);
  }
  writeFileSync(digestFile, lockDigest());
}

/** Compiles with tsc, which is the type check as well. */
export async function build() {
  const tsc = join(projectRoot, 'node_modules', 'typescript', 'bin', 'tsc');
  const result = await run(process.execPath, [tsc, '-p', 'tsconfig.json'], { cwd: projectRoot, timeoutMs: 300_000 });
  if (result.code !== 0) throw new SetupError(`the build failed:\n${result.output}`);
}
