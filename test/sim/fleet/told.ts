import { isCausewayError } from '../../../common/errors/error.js';
import type { LogFields, Logger } from '../../../common/observability/logger.js';
import type { Metrics } from '../../../common/observability/metrics.js';
import type { Trace } from '../kernel/trace.js';

/** What a process logs goes into the trace. */
export function loggerOf(trace: Trace, actor: string): Logger {
  const say =
    (level: string) =>
    (event: string, fields: LogFields = {}): void => {
      trace.tell(actor, `${level} ${event}${shown(fields)}`);
      if (trace.keepsLines) showStacks(trace, actor, fields);
    };
  const logger: Logger = {
    debug: () => undefined,
    info: say('info'),
    warn: say('warn'),
    error: say('error'),
    child: () => logger,
    setLevel: () => undefined,
  };
  return logger;
}

function shown(fields: LogFields): string {
  let text = '';
  for (const [key, value] of Object.entries(fields)) {
    if (isCausewayError(value)) text += ` ${value.code}: ${value.message}`;
    else if (value instanceof Error) text += ` ${value.name}: ${value.message}`;
    else if (typeof value !== 'object' && value !== undefined) text += ` ${key}=${String(value)}`;
  }
  return text;
}

/** Not part of the hash: stacks are taken where a world is shown. */
function showStacks(trace: Trace, actor: string, fields: LogFields): void {
  for (const value of Object.values(fields)) {
    if (value instanceof Error && !isCausewayError(value)) trace.show(actor, value.stack ?? '');
  }
}

const nothing = (): void => undefined;

/** Nobody looks at metrics here. */
export const noMetrics = {
  inc: nothing,
  set: nothing,
  observe: nothing,
  remove: nothing,
  reset: nothing,
} as unknown as Metrics;
