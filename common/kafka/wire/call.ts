import { isCausewayError } from '../../errors/error.js';
import type { ApiKey } from './api-keys.js';
import type { BrokerConnection, RequestOptions } from './connection.js';
import { malformed } from './connection-faults.js';

/** One API: how its requests are written and its responses read, in every version we speak. */
export interface Api<Request, Response> {
  readonly key: ApiKey;
  readonly encode: (version: number, request: Request) => Buffer[];
  readonly decode: (version: number, body: Buffer) => Response;
}

/**
 * One request and its decoded response, in the highest version both sides speak. Error codes inside the response are the caller's.
 * @throws UNSUPPORTED_BROKER; what BrokerConnection.request throws; KAFKA_PROTOCOL, and closes the connection, when the body is malformed.
 */
export async function call<Request, Response>(
  connection: BrokerConnection,
  api: Api<Request, Response>,
  request: Request,
  options?: RequestOptions,
): Promise<Response> {
  const version = connection.requireVersion(api.key);
  const body = await connection.request(api.key, version, api.encode(version, request), options);
  try {
    return api.decode(version, body);
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
