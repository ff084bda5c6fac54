import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express, { type Express, type Request, type Response, type Router } from 'express';
import { rateLimit } from 'express-rate-limit';
import helmet from 'helmet';
import type { HttpSettings } from '../config/compile.js';
import { CausewayError, messageOf } from '../errors/error.js';
import type { Health } from '../observability/health.js';
import type { Logger } from '../observability/logger.js';
import type { Metrics } from '../observability/metrics.js';
import type { Clock } from '../runtime/clock.js';
import type { Closable } from '../runtime/lifecycle.js';
import type { Random } from '../runtime/random.js';
import { checkBinding, formatHostPort, hostOf } from './address.js';
import { textBodies } from './body.js';
import { refuseBrowsers, requestIds, requireToken } from './guards.js';
import { problemHandler } from './problem.js';

const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;
const KEEP_ALIVE_TIMEOUT_MS = 60_000;
const MAX_CONNECTIONS = 1_000;
/** How long requests under way may take once the server closes. */
const CLOSE_GRACE_MS = 3_000;
/** Per address: far above any person or script, below what would starve the process. */
const MAX_REQUESTS_PER_WINDOW = 20_000;
const RATE_WINDOW_MS = 10_000;

export interface HttpServerOptions {
  readonly settings: HttpSettings;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly health: Health;
  readonly clock: Clock;
  readonly random: Random;
}

export interface HttpServer extends Closable {
  /** `http://host:port` that others are told. */
  readonly address: string;
  readonly port: number;
}

/**
 * The HTTP server of both processes: `router` behind one authentication, beside probes and metrics; failures are problem documents.
 * @throws CONFIG_INVALID when it would listen beyond this machine without a token, or cannot listen at all
 */
export async function startHttpServer(options: HttpServerOptions, router: Router): Promise<HttpServer> {
  const { settings } = options;
  checkBinding(settings);
  const server = createServer(
    { headersTimeout: HEADERS_TIMEOUT_MS, requestTimeout: REQUEST_TIMEOUT_MS, keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS },
    buildApp(options, router),
  );
  server.maxConnections = MAX_CONNECTIONS;
  await listen(server, settings);
  const { port } = server.address() as AddressInfo;
  const address = `http://${settings.advertised ?? formatHostPort(settings.host, port)}`;
  let closing: Promise<void> | undefined;
  return {
    address,
    port,
    close: () => {
      closing ??= closeServer(server, options.clock);
      return closing;
    },
  };
}

function buildApp(options: HttpServerOptions, router: Router): Express {
  const { settings, logger, metrics, health, clock, random } = options;
  const app = express();
  app.set('query parser', 'simple');
  app.set('etag', false);
  app.disable('x-powered-by');
  app.use(timeRequests(metrics, clock));
  app.use(requestIds(random));
  app.use(helmet());
  app.use(refuseBrowsers({ token: settings.token, names: namesOf(settings) }));
  app.use(requireToken(settings.token));
  app.use(limitRate());
  app.use(textBodies());
  app.get('/livez', (_request: Request, response: Response) => {
    response.type('text/plain').send('ok\n');
  });
  app.get('/readyz', (request: Request, response: Response) => sendReadiness(health, request, response));
  app.get('/metrics', async (_request: Request, response: Response) => {
    response.setHeader('content-type', metrics.contentType);
    response.send(await metrics.text());
  });
  app.use(router);
  app.use((request: Request) => {
    throw new CausewayError('NOT_FOUND', `there is nothing at ${request.path.slice(0, 200)}`);
  });
  app.use(problemHandler(logger));
  return app;
}

function namesOf(settings: HttpSettings): string[] {
  return [settings.host, ...(settings.advertised === undefined ? [] : [hostOf(settings.advertised)])];
}

function limitRate() {
  return rateLimit({
    windowMs: RATE_WINDOW_MS,
    limit: MAX_REQUESTS_PER_WINDOW,
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    handler: (_request, _response, next) => {
      const message = `more than ${MAX_REQUESTS_PER_WINDOW} requests in ${RATE_WINDOW_MS / 1000} s`;
      next(new CausewayError('RATE_LIMITED', message));
    },
  });
}

/** One line per check with `?verbose`, `[+]name ok` or `[-]name failed: why`, as Kubernetes' own probes do. */
function sendReadiness(health: Health, request: Request, response: Response): void {
  const results = health.results();
  const ready = results.every((result) => result.ok);
  const lines = results.map(({ name, ok, detail }) => {
    const why = detail === undefined ? '' : `: ${detail}`;
    return `[${ok ? '+' : '-'}]${name} ${ok ? 'ok' : 'failed'}${why}`;
  });
  const verbose = request.query['verbose'] !== undefined || !ready;
  const verdict = ready ? 'ok' : 'not ready';
  response.status(ready ? 200 : 503).type('text/plain');
  response.send(verbose ? `${lines.join('\n')}\n${verdict}\n` : `${verdict}\n`);
}

function timeRequests(metrics: Metrics, clock: Clock) {
  return (request: Request, response: Response, next: () => void): void => {
    const startMs = clock.monotonicMs();
    response.on('finish', () => {
      const route = request.route as { path?: unknown } | undefined;
      const pattern = typeof route?.path === 'string' ? `${request.baseUrl}${route.path}` : 'unmatched';
      const labels = { method: request.method, pattern, status: String(response.statusCode) };
      metrics.observe('causeway_http_request_seconds', (clock.monotonicMs() - startMs) / 1000, labels);
    });
    next();
  };
}

function listen(server: Server, { host, port }: HttpSettings): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      const message = `the HTTP server cannot listen: ${messageOf(error)}`;
      reject(
        new CausewayError('CONFIG_INVALID', message, {
          place: { address: formatHostPort(host, port) },
          fix: 'Choose another http.port (0 picks a free one) or http.host.',
          cause: error,
        }),
      );
    });
    server.listen({ host: host.replace(/^\[|\]$/g, ''), port }, () => {
      server.removeAllListeners('error');
      resolve();
    });
  });
}

function closeServer(server: Server, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    const timer = clock.after(CLOSE_GRACE_MS, () => server.closeAllConnections());
    server.close(() => {
      timer.cancel();
      resolve();
    });
    server.closeIdleConnections();
  });
}
