import type { Command } from 'commander';
import { GroupClient } from '../../common/api/group-client.js';
import type { GroupView } from '../../common/api/group-shapes.js';
import type { CliDeps } from '../deps.js';
import { addRestOptions, clientOf, type RestOptions } from '../fleet.js';
import { confirm, printResult, type Result } from '../output.js';

const PAGE_SIZE = 100;
/** More pages than that are a server that never ends. */
const MAX_PAGES = 1_000;

interface SyncOptions extends RestOptions {
  readonly group?: string[];
  readonly takeover?: boolean;
  readonly allowRewind?: boolean;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

/** `causeway groups list` and `sync`: positions of consumer groups. */
export function addGroupCommands(program: Command, deps: CliDeps): void {
  const groups = program.command('groups').description('positions of consumer groups at a route’s target');
  const list = groups
    .command('list')
    .argument('<route>')
    .description('where the groups stand at the source, where that is at the target, and what becomes of it')
    .option('--group <group>', 'only this one');
  addRestOptions(list).action(async (route: string, options: RestOptions & { readonly group?: string }) => {
    printResult(deps.terminal, options.output, groupResult(route, await allGroups(deps, route, options)));
  });
  const sync = groups
    .command('sync')
    .argument('<route>')
    .description('write the groups’ positions to the target now')
    .option('--group <group...>', 'only these, whatever the route’s filter says')
    .option('--takeover', 'also groups that moved at the target, or were used there; never groups with members')
    .option('--allow-rewind', 'positions at the target may go back')
    .option('--dry-run', 'show what would be, and write nothing')
    .option('-y, --yes', 'do not ask');
  addRestOptions(sync).action(async (route: string, options: SyncOptions) => {
    const { group, takeover = false, allowRewind, dryRun = false, yes = false } = options;
    if ((takeover || allowRewind === true) && !dryRun) {
      const question = `Overwrite positions that others have set at the target of ${route}?`;
      await confirm(deps.terminal, question, yes);
    }
    const client = new GroupClient(clientOf(deps, options).transport);
    const view = await client.sync(route, {
      takeover,
      dryRun,
      ...(group === undefined ? {} : { groups: group }),
      ...(allowRewind === undefined ? {} : { allowRewind }),
    });
    printResult(deps.terminal, options.output, { ...groupResult(route, view.groups), value: view });
  });
}

async function allGroups(
  deps: CliDeps,
  route: string,
  options: RestOptions & { readonly group?: string },
): Promise<GroupView[]> {
  const client = new GroupClient(clientOf(deps, options).transport);
  const only = options.group === undefined ? {} : { group: options.group };
  const groups: GroupView[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const list = await client.list(route, { ...only, limit: PAGE_SIZE, ...(cursor === undefined ? {} : { cursor }) });
    groups.push(...list.groups);
    if (list.next === null) break;
    cursor = list.next;
  }
  return groups;
}

function groupResult(route: string, groups: readonly GroupView[]): Result {
  const rows = groups.flatMap(({ group, targetGroup, fault, positions }) => {
    const name = group === targetGroup ? group : `${group} -> ${targetGroup}`;
    if (fault !== null) return [[name, '', '', '', '', 'refuse', fault, '']];
    return positions.map(({ topic, partition, sourceOffset, translated, targetOffset, verdict, reason, rereads }) => [
      name,
      `${topic}-${partition}`,
      sourceOffset,
      translated ?? '-',
      targetOffset ?? '-',
      verdict,
      reason,
      rereads ?? '?',
    ]);
  });
  return {
    value: { route, groups },
    columns: ['GROUP', 'PARTITION', 'SOURCE', 'TRANSLATED', 'AT TARGET', 'VERDICT', 'REASON', 'REREADS'],
    rows,
    empty: 'no group has positions in what the route copies',
  };
}
