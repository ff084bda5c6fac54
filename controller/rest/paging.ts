import type { Request } from 'express';
import { RequestFault } from '../../common/http/problem.js';

const MAX_PAGE = 500;
const DEFAULT_PAGE = 100;

export interface PageOf {
  readonly names: readonly string[];
  /** Cursor of the next page: null on the last. */
  readonly next: string | null;
}

/** `?limit=&cursor=`: the cursor is the last name of the page before, encoded so that nobody builds on that. */
export function pageOf(request: Request, sorted: readonly string[]): PageOf {
  const limit = limitOf(request.query['limit']);
  const cursor = request.query['cursor'];
  const after = typeof cursor === 'string' ? Buffer.from(cursor, 'base64url').toString('utf8') : undefined;
  const rest = after === undefined ? sorted : sorted.filter((name) => name > after);
  const names = rest.slice(0, limit);
  const last = names.at(-1);
  const next = last !== undefined && rest.length > limit ? cursorAfter(last) : null;
  return { names, next };
}

/** The same of a list that has no names: the cursor is how many came before. */
export function indexPageOf(
  request: Request,
  length: number,
): { readonly from: number; readonly to: number; readonly next: string | null } {
  const limit = limitOf(request.query['limit']);
  const cursor = request.query['cursor'];
  const text = typeof cursor === 'string' ? Buffer.from(cursor, 'base64url').toString('utf8') : '';
  const from = Math.min(length, /^\d{1,15}$/.test(text) ? Number(text) : 0);
  const to = Math.min(length, from + limit);
  return { from, to, next: to < length ? Buffer.from(String(to)).toString('base64url') : null };
}

/** Of a page that ends with this name. */
export function cursorAfter(name: string): string {
  return Buffer.from(name).toString('base64url');
}

function limitOf(value: unknown): number {
  if (value === undefined) return DEFAULT_PAGE;
  const limit = typeof value === 'string' && /^\d{1,4}$/.test(value) ? Number(value) : 0;
  if (limit >= 1 && limit <= MAX_PAGE) return limit;
  throw new RequestFault('INVALID_REQUEST', `limit must be 1 to ${MAX_PAGE}`, [
    { pointer: '', detail: `limit must be 1 to ${MAX_PAGE}` },
  ]);
}
