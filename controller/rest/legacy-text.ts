import type { Response } from 'express';

/** uReplicator sends everything under text/plain, JSON too. */
export function say(response: Response, status: number, text: string): void {
  response.status(status).type('text/plain').send(text);
}

/** Nothing that came from outside goes back with line breaks or control characters. */
export function clean(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, 300);
}
