import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { parse } from 'yaml';
import type { CausewayClient } from '../../common/api/client.js';
import type { RouteBody, RouteView } from '../../common/api/desired-shapes.js';
import { routeFromSettings } from '../../common/config/route.js';
import { type RouteSettings, routeSettings } from '../../common/config/route-schema.js';
import { CausewayError, isCausewayError, messageOf } from '../../common/errors/error.js';
import type { CliDeps } from '../deps.js';
import { addRestOptions, allRoutes, clientOf, type RestOptions } from '../fleet.js';
import { addLimitOptions, changedLimits, checkLimitOptions, type LimitOptions, limitsText } from '../limits.js';
import { confirm, printResult, type Result, warningNotes } from '../output.js';
import { addRouteSelection } from './route-selection.js';

/** `causeway route ...` */
export function addRouteCommands(program: Command, deps: CliDeps): void {
  const route = program.command('route').description('from which cluster to which');
  addRestOptions(route.command('list').description('all routes')).action(async (options: RestOptions) => {
    printResult(deps.terminal, options.output, routeResult(await allRoutes(clientOf(deps, options))));
  });
  addRestOptions(route.command('describe').argument('<route>').description('one route with all its settings')).action(
    async (name: string, options: RestOptions) => {
      const { value } = await clientOf(deps, options).getRoute(name);
      printResult(deps.terminal, options.output, settingsResult(value));
    },
  );
  addApply(route, deps);
  addLimit(route, deps);
  addRouteSelection(route, deps);
  addRestOptions(route.command('delete').argument('<route>').description('remove a route that has no topics'))
    .option('-y, --yes', 'do not ask', false)
    .action(async (name: string, options: RestOptions & { yes: boolean }) => {
      await confirm(deps.terminal, `Remove route ${name}?`, options.yes);
      await clientOf(deps, options).deleteRoute(name);
      printResult(deps.terminal, options.output, { value: { removed: name }, columns: ['REMOVED'], rows: [[name]] });
    });
}

function addLimit(route: Command, deps: CliDeps): void {
  const command = route.command('limit').argument('<route>').description('bound what a route copies, over all workers');
  addRestOptions(addLimitOptions(command)).action(async (name: string, options: RestOptions & LimitOptions) => {
    checkLimitOptions(options);
    const client = clientOf(deps, options);
    const { value, etag } = await client.getRoute(name);
    const { value: changed } = await client.patchRoute(name, { limits: changedLimits(value.limits, options) }, etag);
    printResult(deps.terminal, options.output, routeResult([changed]));
  });
}

interface ApplyOptions extends RestOptions {
  readonly file?: string;
  readonly source?: string;
  readonly target?: string;
  readonly allowRenames?: boolean;
}

function addApply(route: Command, deps: CliDeps): void {
  const command = route
    .command('apply')
    .argument('[route]', 'with --source and --target')
    .description('create a route, or bring it to these settings; the same twice changes nothing')
    .option('-f, --file <file>', 'YAML with routes by name, as in the configuration file’s section "routes"')
    .option('--source <cluster>', 'read from')
    .option('--target <cluster>', 'write to')
    .option(
      '--allow-renames',
      'topics that are mirrored may get other target topics; each is copied anew into its own',
    );
  addRestOptions(command).action(async (name: string | undefined, options: ApplyOptions) => {
    const wanted = wantedRoutes(name, options);
    const client = clientOf(deps, options);
    const applied: Applied[] = [];
    for (const [route, body] of wanted) applied.push(await apply(client, route, body, options.allowRenames === true));
    printResult(deps.terminal, options.output, {
      value: { routes: applied },
      columns: ['ROUTE', 'RESULT', 'SOURCE', 'TARGET'],
      rows: applied.map(({ result, route: { name: found, source, target } }) => [found, result, source, target]),
      notes: applied.flatMap(({ route: { name: found, warnings = [] } }) => warningNotes(warnings, `route ${found}`)),
    });
  });
}

interface Applied {
  readonly result: 'created' | 'changed' | 'unchanged';
  readonly route: RouteView;
}

async function apply(client: CausewayClient, name: string, body: RouteBody, mayRename: boolean): Promise<Applied> {
  const present = await presentRoute(client, name);
  if (present === undefined) return { result: 'created', route: (await client.putRoute(name, body)).value };
  const wanted = routeSettings.safeParse(body);
  // As routes: what a setting left out stands for is in both of them.
  const text = (settings: RouteSettings): string => JSON.stringify(sorted(routeFromSettings(name, settings)));
  const found = routeSettings.loose().safeParse(present.value);
  if (wanted.success && found.success && text(wanted.data) === text(found.data)) {
    return { result: 'unchanged', route: present.value };
  }
  return { result: 'changed', route: (await client.putRoute(name, body, present.etag, { mayRename })).value };
}

async function presentRoute(
  client: CausewayClient,
  name: string,
): Promise<{ readonly value: RouteView; readonly etag: string } | undefined> {
  try {
    return await client.getRoute(name);
  } catch (error) {
    if (isCausewayError(error, 'ROUTE_UNKNOWN')) return undefined;
    throw error;
  }
}

/** Keys in one order, so that two settings can be compared as text. */
function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, child]) => [key, sorted(child)] as const);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function wantedRoutes(name: string | undefined, options: ApplyOptions): (readonly [string, RouteBody])[] {
  const { file, source, target } = options;
  if (file !== undefined) {
    if (name !== undefined || source !== undefined || target !== undefined) {
      throw new CausewayError('USAGE', 'give either a file, or a route with --source and --target');
    }
    return routesOfFile(file);
  }
  if (name === undefined || source === undefined || target === undefined) {
    throw new CausewayError('USAGE', 'which route?', { fix: 'Give --file, or a route with --source and --target.' });
  }
  return [[name, { source, target }]];
}

function routesOfFile(file: string): (readonly [string, RouteBody])[] {
  let parsed: unknown;
  try {
    parsed = parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new CausewayError('USAGE', `cannot read ${file}: ${messageOf(error)}`, { cause: error });
  }
  const top = parsed as { readonly routes?: unknown } | null;
  const routes = typeof top === 'object' && top !== null && 'routes' in top ? top.routes : top;
  if (typeof routes !== 'object' || routes === null || Array.isArray(routes)) {
    throw new CausewayError('USAGE', `${file} does not hold routes by name`, {
      fix: 'Write them as "name: { source: ..., target: ... }".',
    });
  }
  // The controller checks the settings: it answers with what is wrong and where.
  return Object.entries(routes as Record<string, RouteBody>);
}

function routeResult(routes: readonly RouteView[]): Result {
  return {
    value: { routes },
    columns: ['ROUTE', 'SOURCE', 'TARGET', 'NAMING', 'DELIVERY', 'START', 'TOPICS', 'LIMITS'],
    rows: routes.map(({ name, source, target, naming, delivery, start, topics, limits }) => [
      name,
      source,
      target,
      naming.policy,
      delivery,
      start,
      String(topics),
      limitsText(limits),
    ]),
    empty: 'no routes',
  };
}

function settingsResult(route: RouteView): Result {
  const rows = Object.entries(route).map(([key, value]) => [
    key,
    typeof value === 'object' ? JSON.stringify(value) : String(value),
  ]);
  return { value: route, columns: ['SETTING', 'VALUE'], rows };
}
