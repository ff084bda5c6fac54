import type { z } from './zod.js';

type Method = 'get' | 'put' | 'post' | 'patch' | 'delete';

/** A path and method below /api/v1, for the OpenAPI document. */
export interface Operation {
  readonly method: Method;
  readonly path: string;
  readonly summary: string;
  readonly body?: z.ZodType;
  /** Status -> schema of the answer; null: no body. */
  readonly answers: Readonly<Record<number, z.ZodType | null>>;
  readonly errors: readonly number[];
  readonly paged?: boolean;
  readonly conditional?: boolean;
}
