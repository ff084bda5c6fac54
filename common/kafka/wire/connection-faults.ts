import { CausewayError, isCausewayError, messageOf } from '../../errors/error.js';
import { API_SPECS, type ApiKey } from './api-keys.js';

/** Which connection an error speaks of. */
export interface ConnectionPlace {
  readonly cluster: string;
  readonly address: string;
}

export function closedByUs(place: ConnectionPlace): CausewayError {
  return new CausewayError('CONNECTION_LOST', 'the connection to the broker was closed by us', { place });
}

/**
 * The socket ended; a refused certificate stays what it is.
 * @param served whether the connection ever answered a request: a broker that expects a login answers none.
 */
export function connectionLost(
  place: ConnectionPlace,
  fault: CausewayError | undefined,
  served: boolean,
): CausewayError {
  if (fault?.code === 'KAFKA_AUTH_FAILED') return fault;
  const reason = fault?.cause === undefined ? 'the broker closed it' : messageOf(fault.cause);
  return new CausewayError('CONNECTION_LOST', `the connection to the broker ended: ${reason}`, {
    place,
    fix: served
      ? 'Nothing, if it was the broker’s restart; else see the broker’s log.'
      : 'See the broker’s log, and check whether the port expects a login (sasl).',
    ...(fault === undefined ? {} : { cause: fault }),
  });
}

export function requestTimeout(place: ConnectionPlace, api: ApiKey, timeoutMs: number): CausewayError {
  return new CausewayError('REQUEST_TIMEOUT', `no answer to ${API_SPECS[api].name} within ${timeoutMs} ms`, {
    place,
    fix: 'Check the broker’s load and the network; the connection was closed and will be opened again.',
  });
}

export function unsupported(
  place: ConnectionPlace,
  api: ApiKey,
  offered: { readonly min: number; readonly max: number } | undefined,
): CausewayError {
  const { name, minVersion, maxVersion } = API_SPECS[api];
  const theirs = offered === undefined ? 'does not offer it' : `offers ${offered.min} to ${offered.max}`;
  return new CausewayError(
    'UNSUPPORTED_BROKER',
    `${name} is needed in version ${minVersion} to ${maxVersion}; the broker ${theirs}`,
    {
      place,
      fix: 'Use brokers of a Kafka version that Causeway supports.',
    },
  );
}

/** The error with its place; anything that is not a CausewayError yet is taken for bytes we cannot read. */
export function malformed(place: ConnectionPlace, error: unknown): CausewayError {
  if (!isCausewayError(error)) return new CausewayError('KAFKA_PROTOCOL', messageOf(error), { place, cause: error });
  return error.place.address === undefined ? withPlace(place, error) : error;
}

/** A fault of the handshake as it is reported by `open`: a connection that was lost or silent means something else there. */
export function openFault(place: ConnectionPlace, error: unknown): CausewayError {
  const fault = malformed(place, error);
  if (fault.code !== 'CONNECTION_LOST' && fault.code !== 'REQUEST_TIMEOUT') return fault;
  return new CausewayError(
    'CLUSTER_UNREACHABLE',
    `the broker took the connection but not the handshake: ${fault.message}`,
    {
      place,
      fix: 'Check that the port speaks Kafka and whether it expects TLS or SASL.',
      cause: fault,
    },
  );
}

function withPlace(place: ConnectionPlace, error: CausewayError): CausewayError {
  return new CausewayError(error.code, error.message, {
    place: { ...place, ...error.place },
    ...(error.fix === undefined ? {} : { fix: error.fix }),
    ...(error.kafkaCode === undefined ? {} : { kafkaCode: error.kafkaCode }),
    cause: error,
  });
}
