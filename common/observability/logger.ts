import { type DestinationStream, type Logger as PinoLogger, pino, stdSerializers } from 'pino';
import { isCausewayError } from '../errors/error.js';

/**
 * A log line is an event with a stable name and fields; messages are for people and may change.
 * Never pass record payloads, credentials or whole configurations.
 */
export interface Logger {
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
  child(fields: LogFields): Logger;
  setLevel(level: LogLevel): void;
}

export type LogFields = Readonly<Record<string, unknown>>;
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

export interface LoggerOptions {
  readonly level: LogLevel;
  /** Fields on every line: role, instance. */
  readonly base: LogFields;
  readonly destination?: DestinationStream;
}

/** Keys that are never printed, at any depth up to three. */
const SECRET_KEYS = ['password', 'token', 'secret', 'key', 'passphrase', 'sasl', 'authorization'];
const redactPaths = SECRET_KEYS.flatMap((key) => [key, `*.${key}`, `*.*.${key}`]);

function errorFields(error: unknown): unknown {
  if (isCausewayError(error)) {
    return {
      code: error.code,
      message: error.message,
      ...(error.fix === undefined ? {} : { fix: error.fix }),
      ...(error.kafkaCode === undefined ? {} : { kafkaCode: error.kafkaCode }),
      place: Object.fromEntries(
        Object.entries(error.place).map(([k, v]) => [k, typeof v === 'bigint' ? String(v) : v]),
      ),
      ...(error.cause instanceof Error ? { cause: error.cause.message } : {}),
    };
  }
  return error instanceof Error ? stdSerializers.err(error) : String(error);
}

class EventLogger implements Logger {
  readonly #pino: PinoLogger;

  constructor(logger: PinoLogger) {
    this.#pino = logger;
  }

  debug(event: string, fields: LogFields = {}): void {
    this.#pino.debug({ event, ...fields });
  }

  info(event: string, fields: LogFields = {}): void {
    this.#pino.info({ event, ...fields });
  }

  warn(event: string, fields: LogFields = {}): void {
    this.#pino.warn({ event, ...fields });
  }

  error(event: string, fields: LogFields = {}): void {
    this.#pino.error({ event, ...fields });
  }

  child(fields: LogFields): Logger {
    return new EventLogger(this.#pino.child(fields));
  }

  setLevel(level: LogLevel): void {
    this.#pino.level = level;
  }
}

/** JSON lines on stdout (or `destination`); `err` fields become code, message, place and fix. */
export function createLogger(options: LoggerOptions): Logger {
  const settings = {
    level: options.level,
    base: { ...options.base },
    redact: { paths: redactPaths, censor: '***' },
    formatters: { level: (label: string) => ({ level: label }) },
    timestamp: pino.stdTimeFunctions.isoTime,
    serializers: { err: errorFields },
  };
  return new EventLogger(options.destination ? pino(settings, options.destination) : pino(settings));
}

/** For tests and tools that have nothing to say. */
export const silentLogger: Logger = createLogger({ level: 'silent', base: {} });
