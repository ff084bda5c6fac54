import { isCausewayError } from '../../errors/error.js';
import type { ApiKey } from './api-keys.js';
import type { BrokerConnection, RequestOptions } from './connection.js';
import { malformed } from './connection-faults.js';
import { throttleMs } from './throttle.js';

/** One API: how its requests are written and its responses read, in every version we speak. */
export interface Api<Request, Response> {
  readonly key: ApiKey;
  readonly encode: (version: number, request: Request) => Buffer[];
  readonly decode: (version: number, body: Buffer) => Response;
}

export interface CallOptions extends RequestOptions {
  /** Not newer than this, though both sides may speak it. */
  readonly maxVersion?: number;
}

/**
 * One request and its decoded response, in the highest version both sides speak. Error codes inside the response are the caller's.
 * While the broker throttles the connection (KIP-219) the request waits here: its time to answer would run out unread.
 * @throws UNSUPPORTED_BROKER; what BrokerConnection.request throws; KAFKA_PROTOCOL, and closes the connection, when the body is malformed.
 */
export async function call<Request, Response>(
  connection: BrokerConnection,
  api: Api<Request, Response>,
  request: Request,
  options?: CallOptions,
): Promise<Response> {
  const version = Math.min(connection.requireVersion(api.key), options?.maxVersion ?? Number.POSITIVE_INFINITY);
  if (connection.throttledMs > 0) await connection.unthrottled();
  const body = await connection.request(api.key, version, api.encode(version, request), options);
  try {
    const response = api.decode(version, body);
    connection.throttle(throttleMs(api.key, version, response));
    return response;
  } catch (error) {
    const fault = malformed(connection.place, error);
    connection.close(fault);
    throw fault;
  }
}

/** True for faults of a connection or broker that another attempt, perhaps elsewhere, may not meet. */
export function isTransient(error: unknown): boolean {
  return (
    isCausewayError(error, 'CONNECTION_LOST') ||
    isCausewayError(error, 'REQUEST_TIMEOUT') ||
    isCausewayError(error, 'CLUSTER_UNREACHABLE')
  );
}
