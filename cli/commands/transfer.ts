import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { fleetExport } from '../../common/api/transfer-shapes.js';
import { CausewayError, messageOf } from '../../common/errors/error.js';
import type { CliDeps } from '../deps.js';
import { addRestOptions, clientOf, type RestOptions } from '../fleet.js';
import { printResult } from '../output.js';

/** `causeway export`, `causeway import` */
export function addTransferCommands(program: Command, deps: CliDeps): void {
  addRestOptions(
    program.command('export').description('the desired state as one JSON document: routes, topics, orders, progress'),
  ).action(async (options: RestOptions) => {
    deps.terminal.out(`${JSON.stringify(await clientOf(deps, options).export(), undefined, 2)}\n`);
  });
  addRestOptions(
    program
      .command('import')
      .argument('<file>', 'what `causeway export` printed')
      .description('puts the desired state into the store and begins a new reign; nothing is removed'),
  ).action(async (file: string, options: RestOptions) => {
    const { written, epoch } = await clientOf(deps, options).import(await readExport(file));
    printResult(deps.terminal, options.output, {
      value: { written, epoch },
      columns: ['WRITTEN', 'EPOCH'],
      rows: [[String(written), String(epoch)]],
    });
  });
}

async function readExport(file: string) {
  const fault = (why: string): CausewayError => new CausewayError('USAGE', `cannot read ${file}: ${why}`);
  let document: unknown;
  try {
    document = JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    throw fault(messageOf(error));
  }
  const parsed = fleetExport.safeParse(document);
  if (!parsed.success) throw fault(parsed.error.issues[0]?.message ?? 'it is no export');
  return parsed.data;
}
