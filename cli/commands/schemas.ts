import type { Command } from 'commander';
import { SchemaClient } from '../../common/api/schema-client.js';
import type { SchemaPromoteView, SchemaSyncView, SchemasView } from '../../common/api/schema-shapes.js';
import type { CliDeps } from '../deps.js';
import { addRestOptions, clientOf, type RestOptions, routeOf } from '../fleet.js';
import { printResult, type Result } from '../output.js';

interface RouteChoice extends RestOptions {
  readonly route?: string;
}

interface SyncOptions extends RouteChoice {
  readonly dryRun?: boolean;
  readonly takeover?: boolean;
  readonly resume?: boolean;
}

interface PromoteOptions extends RouteChoice {
  readonly reason?: string;
  /** Commander's name for --no-last-sync. */
  readonly lastSync: boolean;
}

/** `causeway schemas drift | sync | promote` */
export function addSchemaCommands(program: Command, deps: CliDeps): void {
  const schemas = program.command('schemas').description('schema registries of a route’s clusters');
  const command = (name: string, description: string): Command =>
    addRestOptions(
      schemas
        .command(name)
        .description(description)
        .option('--route <route>', 'the route; needed where there are several'),
    );
  const use = async (options: RouteChoice): Promise<{ readonly client: SchemaClient; readonly route: string }> => {
    const client = clientOf(deps, options);
    return { client: new SchemaClient(client.transport), route: await routeOf(client, options.route) };
  };
  command('drift', 'what differs between the registries').action(async (options: RouteChoice) => {
    const { client, route } = await use(options);
    printResult(deps.terminal, options.output, driftResult(await client.read(route)));
  });
  command('sync', 'copy schemas now')
    .option('--dry-run', 'only tell what would be copied')
    .option(
      '--takeover',
      'also where the target has schemas that the source does not have: whoever registers there must stop',
    )
    .option('--resume', 'make a registry that was promoted a copy again')
    .action(async (options: SyncOptions) => {
      const { client, route } = await use(options);
      const { dryRun = false, takeover = false, resume = false } = options;
      printResult(deps.terminal, options.output, syncResult(await client.sync(route, { dryRun, takeover, resume })));
    });
  command('promote', 'let the target’s registry take schemas of its own; nothing is copied into it from then on')
    .option('--reason <text>', 'why, for those who look later')
    .option('--no-last-sync', 'do not copy what is missing first')
    .action(async (options: PromoteOptions) => {
      const { client, route } = await use(options);
      const { reason = '', lastSync } = options;
      printResult(deps.terminal, options.output, promoteResult(await client.promote(route, { reason, lastSync })));
    });
}

function driftResult(view: SchemasView): Result {
  const { route, mode, promotedAt, source, target, items, differences } = view;
  const side = ({ cluster, registryMode, subjects, versions }: SchemasView['source']): string =>
    `${cluster}: ${subjects} subjects, ${versions} versions, mode ${registryMode}`;
  const standing = promotedAt === null ? '' : `; promoted at ${promotedAt}`;
  return {
    value: view,
    preface: [`Route ${route}, schemas.mode ${mode}${standing}`, side(source), side(target), ''],
    columns: ['KIND', 'SUBJECT', 'VERSION', 'ID', 'ACTION', 'BEFORE', 'AFTER', 'REASON'],
    rows: items.map(({ kind, subject, version, id, action, before, after, reason }) =>
      [kind, subject, version, id, action, before, after, reason].map((cell) => (cell === null ? '-' : `${cell}`)),
    ),
    notes: [
      differences === 0
        ? 'Nothing differs.'
        : `${differences} differences${differences > items.length ? `, the first ${items.length} of them shown` : ''}.`,
    ],
  };
}

function syncResult(view: SchemaSyncView): Result {
  const { dryRun, registered, deleted, levels, left, registryMode } = view;
  return {
    value: view,
    columns: [dryRun ? 'TO REGISTER' : 'REGISTERED', dryRun ? 'TO DELETE' : 'DELETED', 'LEVELS', 'LEFT', 'TARGET MODE'],
    rows: [[`${registered}`, `${deleted}`, `${levels}`, `${left}`, registryMode]],
  };
}

function promoteResult(view: SchemaPromoteView): Result {
  const { promotedAt, before, registryMode, lastSync } = view;
  const last =
    lastSync === null ? 'not asked for' : `${lastSync.done ? 'complete' : 'not complete'}: ${lastSync.message}`;
  return {
    value: view,
    columns: ['PROMOTED', 'MODE BEFORE', 'MODE NOW', 'LAST COPY'],
    rows: [[promotedAt, before, registryMode, last]],
  };
}
