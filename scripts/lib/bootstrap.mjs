// What every command does first: the right Node, installed packages, compiled code, and the Java parts it needs.
import { ensureOpenssl } from './java.mjs';
import { ensureKafka } from './kafka-set.mjs';
import { requireNode } from './node-check.mjs';
import { build, ensurePackages } from './packages.mjs';
import { say } from './project.mjs';
import { ensureRegistry } from './registry-set.mjs';

/** @param {{compile?: boolean, kafka?: string[], openssl?: boolean, registry?: boolean}} needs `kafka`: the versions to have ready. */
export async function bootstrap({ compile = true, kafka = [], openssl = false, registry = false } = {}) {
  requireNode();
  await ensurePackages();
  if (compile) await build();
  for (const version of kafka) await ensureKafka(version);
  if (openssl) await ensureOpenssl();
  // Where it cannot be had, the tests that need it say so, and only they fail.
  if (registry) await ensureRegistry().catch((error) => say(error.message));
}
