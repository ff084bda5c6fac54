import type { Command } from 'commander';
import { formatFault } from '../../common/config/faults.js';
import { checkConfigFile } from '../../common/config/load.js';
import { nearest } from '../../common/config/nearest.js';
import { configReference, type KeyDoc } from '../../common/config/reference.js';
import { CausewayError } from '../../common/errors/error.js';
import { EXIT } from '../../common/process/exit-codes.js';
import type { CliDeps } from '../deps.js';
import { type OutputOptions, outputOption } from '../options.js';
import { printResult, type Result, type Terminal } from '../output.js';

const INVALID_CONFIG = 78;

/** `causeway config ...`: works on files alone, without a fleet. */
export function addConfigCommands(program: Command, { terminal, exit }: CliDeps): void {
  const config = program.command('config').description('check and explain configuration files');
  config
    .command('validate')
    .description('say everything that is wrong with a configuration file; exit code 78 when something is')
    .requiredOption('-c, --config <file>', 'the configuration file')
    .addOption(outputOption())
    .action((options: OutputOptions & { config: string }) => exit(validate(terminal, options)));
  config
    .command('explain')
    .description('list the keys of the configuration file, or those below one')
    .argument('[key]', 'such as worker, or worker.threads')
    .addOption(outputOption())
    .action((key: string | undefined, options: OutputOptions) => printResult(terminal, options.output, explain(key)));
}

function validate(terminal: Terminal, options: OutputOptions & { readonly config: string }): number {
  const outcome = checkConfigFile(options.config);
  const faults = outcome.ok ? [] : outcome.faults;
  const warnings = outcome.ok ? outcome.warnings : [];
  if (options.output === 'json' || options.output === 'yaml') {
    printResult(terminal, options.output, { value: { valid: outcome.ok, faults, warnings }, columns: [], rows: [] });
  } else {
    for (const fault of faults) terminal.out(`${formatFault(fault)}\n`);
    for (const warning of warnings) terminal.err(`warning: ${formatFault(warning)}\n`);
    terminal.err(outcome.ok ? `${options.config} is valid\n` : `${options.config} is not valid\n`);
  }
  return outcome.ok ? EXIT.ok : INVALID_CONFIG;
}

function explain(key: string | undefined): Result {
  const docs = configReference();
  const chosen = key === undefined ? docs : docs.filter(({ path }) => matches(path, key));
  if (chosen.length === 0) {
    const words = nearest(key ?? '', [...new Set(docs.flatMap(({ path }) => [path, lastWord(path)]))]);
    throw new CausewayError('USAGE', `there is no configuration key "${key}"`, {
      fix: words.length > 0 ? `Did you mean ${words.join(' or ')}?` : '"causeway config explain" lists all keys.',
    });
  }
  return {
    value: chosen.map(({ path, form, defaultText, required, meaning }) => ({
      key: path,
      form,
      required,
      meaning,
      ...(defaultText === undefined ? {} : { default: JSON.parse(defaultText) as unknown }),
    })),
    columns: ['KEY', 'FORM', 'DEFAULT', 'MEANING'],
    rows: chosen.map((doc) => [doc.path, doc.form.replaceAll('`', ''), defaultOf(doc), doc.meaning]),
  };
}

function matches(path: string, key: string): boolean {
  return path === key || path.startsWith(`${key}.`) || lastWord(path) === key;
}

function lastWord(path: string): string {
  return path.slice(path.lastIndexOf('.') + 1);
}

function defaultOf({ defaultText, required }: KeyDoc): string {
  return defaultText ?? (required ? '(required)' : '-');
}
