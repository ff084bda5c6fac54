import {
  FETCH,
  FETCH_TOPIC_ID_VERSION,
  type FetchRequest,
  type FetchResponse,
} from '../../common/kafka/wire/apis/fetch.js';
import type { BufferPool } from '../../common/kafka/wire/buffer-pool.js';
import { call } from '../../common/kafka/wire/call.js';
import type { BrokerConnection } from '../../common/kafka/wire/connection.js';
import { ResponseBody } from './response-body.js';

const NOTHING = Buffer.alloc(0);

export interface FetchAnswer {
  readonly response: FetchResponse;
  /** The memory behind the response's records. */
  readonly body: ResponseBody;
}

export interface ExchangeOptions {
  readonly timeoutMs: number;
  readonly pool: BufferPool;
  /** Some topic has no id. */
  readonly byName: boolean;
}

/** One Fetch whose response lies in memory lent by the pool. */
export async function exchangeFetch(
  connection: BrokerConnection,
  request: FetchRequest,
  { timeoutMs, pool, byName }: ExchangeOptions,
): Promise<FetchAnswer> {
  let memory: Buffer = NOTHING;
  const api = {
    ...FETCH,
    decode: (version: number, bytes: Buffer): FetchResponse => {
      memory = bytes;
      return FETCH.decode(version, bytes);
    },
  };
  const maxVersion = byName ? { maxVersion: FETCH_TOPIC_ID_VERSION - 1 } : {};
  const response = await call(connection, api, request, { timeoutMs, pool, ...maxVersion });
  return { response, body: new ResponseBody(pool, memory) };
}
