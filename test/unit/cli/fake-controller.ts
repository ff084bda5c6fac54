import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly body: unknown;
  readonly ifMatch: string | undefined;
  readonly authorization: string | undefined;
}

export interface Reply {
  readonly status?: number;
  readonly body: unknown;
  readonly etag?: string;
}

/** Answers like a controller, from a function; remembers what it was asked. */
export class FakeController {
  readonly asked: Asked[] = [];
  readonly #server: Server;

  private constructor(answer: (asked: Asked) => Reply) {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        const asked: Asked = {
          method: request.method ?? '',
          url: request.url ?? '',
          body: text === '' ? undefined : (JSON.parse(text) as unknown),
          ifMatch: request.headers['if-match'],
          authorization: request.headers.authorization,
        };
        this.asked.push(asked);
        const { status = 200, body, etag } = answer(asked);
        if (etag !== undefined) response.setHeader('etag', etag);
        response.writeHead(status, { 'content-type': 'application/json', connection: 'close' });
        response.end(JSON.stringify(body));
      });
    });
  }

  static async start(answer: (asked: Asked) => Reply): Promise<FakeController> {
    const controller = new FakeController(answer);
    await new Promise<void>((resolve) => controller.#server.listen(0, '127.0.0.1', resolve));
    return controller;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
    });
  }
}

export function problem(status: number, code: string, detail: string, fix?: string): Reply {
  const body = { type: 'about:blank', title: code, status, code, detail, errors: [], requestId: 'r', retryable: false };
  return { status, body: fix === undefined ? body : { ...body, fix } };
}
