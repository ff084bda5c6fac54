import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { after, afterEach, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { WanProxy } from '../../proxy/wan-proxy.js';

const megabyte = 1e6;
const settleMs = 400;
const measureMs = 1_200;
const attempts = 6;

describe('WAN proxy', () => {
  let server: Server;
  /** Sends without end to whoever says `send`, echoes all others. */
  before(async () => {
    const block = Buffer.alloc(64 * 1024);
    server = createServer((socket) => {
      socket.on('error', () => undefined);
      const flood = () => {
        while (!socket.destroyed && socket.write(block));
      };
      socket.on('data', (chunk: Buffer) => {
        if (chunk.toString() !== 'send') {
          socket.write(chunk);
          return;
        }
        socket.on('drain', flood);
        flood();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  after(() => server.close());

  const proxies: WanProxy[] = [];
  afterEach(async () => {
    await Promise.all(proxies.splice(0).map((proxy) => proxy.close()));
  });

  async function start(rttMs: number, linkBytesPerS: number, windowBytes: number): Promise<WanProxy> {
    const target = { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
    const proxy = await WanProxy.start({ target, rttMs, linkBytesPerS, windowBytes });
    proxies.push(proxy);
    return proxy;
  }

  /** A busy machine may spoil a measurement; a wrong line spoils every one. */
  async function measured(measure: () => Promise<void>): Promise<void> {
    for (let left = attempts; ; left -= 1) {
      try {
        return await measure();
      } catch (error) {
        if (left === 1) throw error;
      }
    }
  }

  async function open(proxy: WanProxy): Promise<Socket> {
    const socket = connect({ host: '127.0.0.1', port: proxy.port, noDelay: true });
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    return socket;
  }

  /** Bytes per second of each of `count` connections that are sent to without end. */
  async function rates(proxy: WanProxy, count: number): Promise<number[]> {
    const received = new Array<number>(count).fill(0);
    for (let index = 0; index < count; index += 1) {
      const socket = await open(proxy);
      socket.on('data', (chunk: Buffer) => {
        received[index] = (received[index] ?? 0) + chunk.length;
      });
      socket.write('send');
    }
    await sleep(settleMs + 2 * 200);
    const [from, fromMs] = [[...received], performance.now()];
    await sleep(measureMs);
    const seconds = (performance.now() - fromMs) / 1_000;
    await proxy.close();
    return received.map((bytes, index) => (bytes - (from[index] ?? 0)) / seconds);
  }

  const near = (value: number, wanted: number) =>
    assert.ok(Math.abs(value - wanted) <= wanted / 10, `${Math.round(value)} is not within 10 % of ${wanted}`);

  test('an answer takes the round trip time, and so does the handshake before the first request', async () => {
    await measured(async () => {
      const proxy = await start(200, 100 * megabyte, megabyte);
      const openedMs = performance.now();
      const socket = await open(proxy);
      socket.write('first');
      await once(socket, 'data');
      near(performance.now() - openedMs, 400);
      const askedMs = performance.now();
      socket.write('second');
      const [answer] = (await once(socket, 'data')) as [Buffer];
      assert.equal(answer.toString(), 'second');
      near(performance.now() - askedMs, 200);
    });
  });

  test('one connection carries its window once per round trip', async () => {
    await measured(async () => {
      const [rate] = await rates(await start(100, 1_000 * megabyte, 200_000), 1);
      near(rate ?? 0, 2 * megabyte);
    });
  });

  test('several connections carry as many windows', async () => {
    await measured(async () => {
      const all = await rates(await start(100, 1_000 * megabyte, 200_000), 4);
      near(
        all.reduce((sum, rate) => sum + rate, 0),
        8 * megabyte,
      );
    });
  });

  test('the bandwidth of the line is shared evenly by those whose windows would allow more', async () => {
    await measured(async () => {
      const all = await rates(await start(50, 8 * megabyte, 4 * megabyte), 4);
      near(
        all.reduce((sum, rate) => sum + rate, 0),
        8 * megabyte,
      );
      for (const rate of all) near(rate, 2 * megabyte);
    });
  });

  test('the end of a connection comes after its last bytes, on both sides', async () => {
    const proxy = await start(50, megabyte, megabyte);
    const socket = await open(proxy);
    socket.write('last words');
    const [answer] = (await once(socket, 'data')) as [Buffer];
    assert.equal(answer.toString(), 'last words');
    socket.end();
    await once(socket, 'close');
    while (proxy.delivered('toServer').length > 0) await sleep(10);
    assert.equal(proxy.accepted, 1);
  });
});
