import { type AddressInfo, createServer, connect as dial, type Server, type Socket } from 'node:net';
import { Flow, WanLink } from './wan-link.js';

export interface WanOptions {
  readonly target: { readonly host: string; readonly port: number };
  /** Where it listens on 127.0.0.1; a free port unless given. */
  readonly port?: number;
  readonly rttMs: number;
  /** Of all connections together, each direction for itself. */
  readonly linkBytesPerS: number;
  /** Bytes of one connection that may be under way and not yet acknowledged, each direction for itself. */
  readonly windowBytes: number;
}

interface Tunnel {
  readonly sockets: readonly Socket[];
  readonly toServer: Flow;
  readonly toClient: Flow;
}

/**
 * A TCP proxy that behaves like a long line: round trip time, shared bandwidth, and a window per connection. It knows no loss and no
 * slow start: what a real line does in its steady state, at best.
 */
export class WanProxy {
  readonly #options: WanOptions;
  readonly #server: Server;
  readonly #links: { readonly toServer: WanLink; readonly toClient: WanLink };
  readonly #tunnels = new Set<Tunnel>();
  #accepted = 0;

  private constructor(options: WanOptions) {
    this.#options = options;
    const { rttMs, linkBytesPerS, windowBytes } = options;
    const link = () => new WanLink({ oneWayMs: rttMs / 2, bytesPerMs: linkBytesPerS / 1_000, windowBytes });
    this.#links = { toServer: link(), toClient: link() };
    this.#server = createServer({ noDelay: true, pauseOnConnect: true }, (client) => this.#accept(client));
  }

  static async start(options: WanOptions): Promise<WanProxy> {
    const proxy = new WanProxy(options);
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once('error', reject);
      proxy.#server.listen(options.port ?? 0, '127.0.0.1', resolve);
    });
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Connections accepted since the start. */
  get accepted(): number {
    return this.#accepted;
  }

  /** Bytes delivered so far by each connection that is open, in one direction. */
  delivered(direction: 'toServer' | 'toClient'): number[] {
    return [...this.#tunnels].map((tunnel) => tunnel[direction].delivered);
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const { sockets } of this.#tunnels) for (const socket of sockets) socket.destroy();
    this.#links.toServer.close();
    this.#links.toClient.close();
    await closed;
  }

  #accept(client: Socket): void {
    this.#accepted += 1;
    const server = dial({ ...this.#options.target, noDelay: true });
    const sockets = [client, server];
    const toServer = new Flow(this.#links.toServer, client, server);
    const tunnel = { sockets, toServer, toClient: new Flow(this.#links.toClient, server, client) };
    this.#tunnels.add(tunnel);
    // Over a line the client could not send before its handshake had come back.
    client.pause();
    const handshake = setTimeout(() => client.resume(), this.#options.rttMs);
    client.once('close', () => clearTimeout(handshake));
    for (const socket of sockets) {
      socket.once('close', () => {
        if (sockets.every((each) => each.closed)) this.#tunnels.delete(tunnel);
      });
    }
  }
}
