import { ERROR_CODES, type ErrorCode, type ErrorCodeInfo } from './codes.js';

/** Where an error happened; every part is optional, all of them are printed. */
export interface ErrorPlace {
  readonly cluster?: string;
  readonly route?: string;
  readonly topic?: string;
  readonly partition?: number;
  readonly offset?: bigint;
  readonly worker?: string;
  readonly path?: string;
  readonly address?: string;
  readonly pointer?: string;
}

export interface CausewayErrorOptions {
  readonly place?: ErrorPlace;
  /** What the reader should do next, as an imperative sentence. */
  readonly fix?: string;
  /** The Kafka error code behind it, where there is one (KAFKA_ERROR). */
  readonly kafkaCode?: number;
  readonly cause?: unknown;
}

/** The only error class that crosses a room's border: a code of the catalogue, what happened, where, what to do next. */
export class CausewayError extends Error {
  readonly code: ErrorCode;
  readonly place: ErrorPlace;
  readonly fix: string | undefined;
  readonly kafkaCode: number | undefined;

  constructor(code: ErrorCode, message: string, options: CausewayErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'CausewayError';
    this.code = code;
    this.place = options.place ?? {};
    this.fix = options.fix;
    this.kafkaCode = options.kafkaCode;
  }

  get info(): ErrorCodeInfo {
    return ERROR_CODES[this.code];
  }
}

/** True for a CausewayError, of the given code if one is named. */
export function isCausewayError(error: unknown, code?: ErrorCode): error is CausewayError {
  return error instanceof CausewayError && (code === undefined || error.code === code);
}

/** The message of anything that was thrown; never throws. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** `message (topic t, partition 3, offset 17). Fix.`: one line for logs and terminals. */
export function describeError(error: unknown): string {
  if (!isCausewayError(error)) return messageOf(error);
  const place = Object.entries(error.place).map(([key, value]) => `${key} ${String(value)}`);
  const where = place.length > 0 ? ` (${place.join(', ')})` : '';
  const fix = error.fix === undefined ? '' : ` ${error.fix}`;
  return `${error.code}: ${error.message}${where}.${fix}`;
}
