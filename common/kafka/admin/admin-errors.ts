import { CausewayError, type ErrorPlace, isCausewayError, messageOf } from '../../errors/error.js';
import { KafkaCode, kafkaError } from '../wire/error-codes.js';
import { isCertificateFault } from '../wire/tls-options.js';

/** kafkajs wraps errors in errors; deeper chains than this are none of its. */
const MAX_CHAIN = 8;

interface Link {
  readonly name?: unknown;
  readonly message?: unknown;
  readonly code?: unknown;
  readonly cause?: unknown;
  readonly errors?: unknown;
}

/** The error and what it wraps, outermost first. */
function chainOf(error: unknown): Link[] {
  const chain: Link[] = [];
  let current = error;
  while (typeof current === 'object' && current !== null && chain.length < MAX_CHAIN) {
    const link = current as Link;
    chain.push(link);
    current = Array.isArray(link.errors) ? link.errors[0] : link.cause;
  }
  return chain;
}

/** Kafka's error code behind what kafkajs threw, if a broker answered with one. */
export function kafkaCodeOf(error: unknown): number | undefined {
  if (isCausewayError(error)) return error.kafkaCode;
  return chainOf(error).find((link): link is { code: number } => typeof link.code === 'number')?.code;
}

/** kafkajs' error about several topics, taken apart; undefined: it is about the request as a whole. */
export function faultsByTopic(error: unknown): ReadonlyMap<string, unknown> | undefined {
  const errors = (error as { readonly errors?: unknown } | undefined)?.errors;
  if (!Array.isArray(errors)) return undefined;
  const faults = new Map<string, unknown>();
  for (const fault of errors as readonly { readonly topic?: unknown }[]) {
    if (typeof fault.topic !== 'string' || kafkaCodeOf(fault) === KafkaCode.NOT_CONTROLLER) return undefined;
    faults.set(fault.topic, fault);
  }
  return faults;
}

const FIXES: Readonly<Record<number, string>> = {
  37: 'Ask for at least one partition, and for no fewer than the topic has.',
  38: 'Ask for a replication factor of at most the number of brokers.',
  40: 'Check the topic’s configs against the broker’s version.',
  44: 'The cluster’s policy forbids this topic: ask its operators.',
};

/** What was thrown, as an error of ours: what was asked for, of which cluster and topic, what to do next. */
export function adminError(error: unknown, what: string, place: ErrorPlace): CausewayError {
  if (isCausewayError(error)) return error;
  const own = chainOf(error).find((link): link is CausewayError => isCausewayError(link));
  if (own !== undefined) return own;
  const code = kafkaCodeOf(error);
  if (code === KafkaCode.SASL_AUTHENTICATION_FAILED) return refusedLogin(error, place);
  if (code !== undefined) {
    const plain = kafkaError(code, place, what);
    const fix = FIXES[code] ?? plain.fix ?? '';
    return new CausewayError('KAFKA_ERROR', plain.message, { place, kafkaCode: code, fix, cause: error });
  }
  const chain = chainOf(error);
  const names = new Set(chain.map((link) => link.name));
  if (names.has('KafkaJSSASLAuthenticationError')) return refusedLogin(error, place);
  if (chain.some((link) => typeof link.code === 'string' && isCertificateFault(link.code))) {
    return new CausewayError('KAFKA_AUTH_FAILED', `TLS failed: ${messageOf(error)}`, {
      place,
      fix: 'Check the CA, the certificate and the server name in the cluster’s tls section.',
      cause: error,
    });
  }
  return new CausewayError(transportCode(names), `${what} failed: ${messageOf(error)}`, {
    place,
    fix: 'Check the brokers and the network, then try again.',
    cause: error,
  });
}

function transportCode(
  names: ReadonlySet<unknown>,
): 'REQUEST_TIMEOUT' | 'CONNECTION_LOST' | 'UNSUPPORTED_BROKER' | 'CLUSTER_UNREACHABLE' {
  if (names.has('KafkaJSRequestTimeoutError') || names.has('KafkaJSTimeout')) return 'REQUEST_TIMEOUT';
  if (names.has('KafkaJSConnectionClosedError')) return 'CONNECTION_LOST';
  if (names.has('KafkaJSServerDoesNotSupportApiKey')) return 'UNSUPPORTED_BROKER';
  return 'CLUSTER_UNREACHABLE';
}

function refusedLogin(error: unknown, place: ErrorPlace): CausewayError {
  return new CausewayError('KAFKA_AUTH_FAILED', `the broker refused the login: ${messageOf(error)}`, {
    place,
    fix: 'Check the mechanism and the credentials in the cluster’s sasl section.',
    cause: error,
  });
}
