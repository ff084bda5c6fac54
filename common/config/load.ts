import { readFileSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, resolve } from 'node:path';
import { CausewayError, messageOf } from '../errors/error.js';
import { type Config, compileConfig } from './compile.js';
import { type ConfigFault, type ConfigPath, formatFault, type PlacedFault, samePath } from './faults.js';
import type { Environment } from './interpolate.js';
import { faultsOfIssues } from './issues.js';
import { crossFieldFaults, crossFieldWarnings } from './rules.js';
import { configSchema } from './schema.js';
import { withoutPaths } from './schema-tree.js';
import { resolveSecrets } from './secrets.js';
import { ConfigSource, MAX_CONFIG_BYTES } from './source.js';
import { separateUnknownKeys } from './unknown-keys.js';

/** What surrounds a configuration file; the process's own by default. */
export interface LoadOptions {
  readonly environment?: Environment;
  readonly hostname?: string;
}

export type ConfigOutcome =
  | { readonly ok: true; readonly config: Config; readonly warnings: readonly PlacedFault[] }
  | { readonly ok: false; readonly faults: readonly PlacedFault[] };

export interface LoadedConfig {
  readonly config: Config;
  /** What deserves a word at every start. */
  readonly warnings: readonly PlacedFault[];
}

/** The configuration in the file at `path`, or everything that is wrong with it in the order of the file. */
export function checkConfigFile(path: string, options: LoadOptions = {}): ConfigOutcome {
  const unreadable = (message: string): ConfigOutcome => ({
    ok: false,
    faults: [{ file: path, line: 1, column: 1, path: '', message }],
  });
  let text: string;
  try {
    const { size } = statSync(path);
    if (size > MAX_CONFIG_BYTES) return unreadable(`the file is larger than ${MAX_CONFIG_BYTES} bytes`);
    text = readFileSync(path, 'utf8');
  } catch (error) {
    return unreadable(`cannot read the file: ${messageOf(error)}`);
  }
  return checkConfigText(text, path, options);
}

/** Like `checkConfigFile`, for a text that is there already; `path` names it in faults, and relative names start at its folder. */
export function checkConfigText(text: string, path: string, options: LoadOptions = {}): ConfigOutcome {
  const source = new ConfigSource(path, text);
  if (source.faults.length > 0) return failed(source.faults);
  const written = source.resolve(options.environment ?? process.env);
  const baseDir = dirname(resolve(path));
  const known = separateUnknownKeys(written);
  const secrets = resolveSecrets(known.value, baseDir);
  const parsed = configSchema.safeParse(secrets.value);
  const faults: ConfigFault[] = [...known.faults, ...secrets.faults];
  if (parsed.success) {
    faults.push(...crossFieldFaults(parsed.data));
  } else {
    const found = faultsOfIssues(parsed.error.issues, secrets.value, known.meant);
    faults.push(...found, ...rulesBeside(found, secrets.value));
  }
  const placed = [...source.faults, ...faults.map((fault) => source.place(fault))];
  if (placed.length > 0 || !parsed.success) return failed(placed);
  const warnings = [...secrets.warnings, ...crossFieldWarnings(parsed.data)].map((warning) => source.place(warning));
  const config = compileConfig(parsed.data, { hostname: options.hostname ?? hostname(), baseDir });
  return { ok: true, config, warnings };
}

/**
 * Reads, checks and completes a configuration file.
 * @throws CONFIG_INVALID (exit code 78) listing all faults, one a line, each as `file:line:column: path: what is wrong`
 */
export function loadConfig(path: string, options: LoadOptions = {}): LoadedConfig {
  const outcome = checkConfigFile(path, options);
  if (outcome.ok) return { config: outcome.config, warnings: outcome.warnings };
  const { faults } = outcome;
  const count = faults.length === 1 ? 'one fault' : `${faults.length} faults`;
  const lines = faults.map((fault) => `\n  ${formatFault(fault)}`);
  throw new CausewayError('CONFIG_INVALID', `the configuration has ${count}:${lines.join('')}`, {
    fix: 'Correct the file; "causeway config explain" lists every key.',
  });
}

/** What the rules say of a file that already breaks its form: asked without the broken values, where the rest stands on its own. */
function rulesBeside(broken: readonly ConfigFault[], value: unknown): ConfigFault[] {
  const paths = broken.map(({ path }) => path);
  const rest = configSchema.safeParse(withoutPaths(value, paths));
  if (!rest.success) return [];
  const touches = (a: ConfigPath, b: ConfigPath): boolean => samePath(a.slice(0, b.length), b.slice(0, a.length));
  return crossFieldFaults(rest.data).filter(({ path }) => !paths.some((other) => touches(path, other)));
}

function failed(faults: readonly PlacedFault[]): ConfigOutcome {
  return { ok: false, faults: [...faults].sort((a, b) => a.line - b.line || a.column - b.column) };
}
