import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { CausewayClient } from '../common/api/client.js';
import type { RouteView, TopicView } from '../common/api/desired-shapes.js';
import { CausewayError, messageOf } from '../common/errors/error.js';
import type { CliDeps } from './deps.js';
import { type OutputOptions, outputOption } from './options.js';

/** Where `controller.http.port: 9080` of the samples listens. */
const DEFAULT_URL = 'http://127.0.0.1:9080';
const PAGE_SIZE = 500;
/** More pages than that are a server that never ends. */
const MAX_PAGES = 1_000;

/** Options of every command that speaks REST. */
export interface RestOptions extends OutputOptions {
  readonly url?: string;
  readonly token?: string;
  readonly tokenFile?: string;
}

export function addRestOptions(command: Command): Command {
  return command
    .option('--url <url>', `a controller; CAUSEWAY_URL or ${DEFAULT_URL} unless given`)
    .option('--token-file <file>', 'file that holds the bearer token')
    .option('--token <token>', 'the bearer token; CAUSEWAY_TOKEN unless given')
    .addOption(outputOption());
}

/**
 * The client for a command.
 * @throws USAGE when the address or the token's file is of no use
 */
export function clientOf(deps: CliDeps, options: RestOptions): CausewayClient {
  const baseUrl = options.url ?? deps.environment['CAUSEWAY_URL'] ?? DEFAULT_URL;
  if (!/^https?:\/\/[^/]/.test(baseUrl) || !URL.canParse(baseUrl)) {
    throw new CausewayError('USAGE', `"${baseUrl}" is not the address of a controller`, {
      fix: `Write it as ${DEFAULT_URL}.`,
    });
  }
  const token = tokenOf(deps, options);
  return new CausewayClient(token === undefined ? { baseUrl } : { baseUrl, token });
}

function tokenOf(deps: CliDeps, { token, tokenFile }: RestOptions): string | undefined {
  if (token !== undefined && tokenFile !== undefined) {
    throw new CausewayError('USAGE', 'give either --token or --token-file, not both');
  }
  if (tokenFile === undefined) return token ?? deps.environment['CAUSEWAY_TOKEN'];
  try {
    return readFileSync(tokenFile, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    throw new CausewayError('USAGE', `cannot read the token: ${messageOf(error)}`, { cause: error });
  }
}

export async function allRoutes(client: CausewayClient): Promise<RouteView[]> {
  const routes: RouteView[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const { routes: more, next } = await client.listRoutes({
      limit: PAGE_SIZE,
      ...(cursor === undefined ? {} : { cursor }),
    });
    routes.push(...more);
    if (next === null) break;
    cursor = next;
  }
  return routes;
}

export async function allTopics(client: CausewayClient, route: string): Promise<TopicView[]> {
  const topics: TopicView[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const { topics: more, next } = await client.listTopics(route, {
      limit: PAGE_SIZE,
      ...(cursor === undefined ? {} : { cursor }),
    });
    topics.push(...more);
    if (next === null) break;
    cursor = next;
  }
  return topics;
}

/** The route a command means: the one named, or the only one there is. */
export async function routeOf(client: CausewayClient, named: string | undefined): Promise<string> {
  if (named !== undefined) return named;
  const routes = await allRoutes(client);
  const [only, ...others] = routes.map(({ name }) => name);
  if (only !== undefined && others.length === 0) return only;
  const fix =
    only === undefined
      ? 'Create one with "causeway route apply".'
      : `Add --route; there are ${routes.map(({ name }) => name).join(', ')}.`;
  throw new CausewayError('USAGE', only === undefined ? 'there is no route yet' : 'which route is meant?', { fix });
}
