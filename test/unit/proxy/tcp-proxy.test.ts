import assert from 'node:assert/strict';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { TcpProxy, type TcpProxyOptions } from '../../proxy/tcp-proxy.js';

describe('TCP proxy', () => {
  let echo: Server;
  const received: string[] = [];
  before(async () => {
    echo = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.on('data', (chunk) => {
        received.push(chunk.toString());
        socket.write(chunk);
      });
    });
    await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve));
  });
  after(() => echo.close());

  interface Client {
    readonly socket: Socket;
    text(): string;
    closed(): boolean;
  }

  async function open(proxy: TcpProxy): Promise<Client> {
    const socket = connect({ host: '127.0.0.1', port: proxy.port, noDelay: true });
    let text = '';
    let closed = false;
    socket.on('data', (chunk) => {
      text += chunk.toString();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      closed = true;
    });
    await new Promise<void>((resolve) => {
      // A refused connection may be reset before it is reported.
      socket.once('connect', () => resolve());
      socket.once('close', () => resolve());
    });
    return { socket, text: () => text, closed: () => closed };
  }

  async function proxied(body: (proxy: TcpProxy) => Promise<void>, options: Partial<TcpProxyOptions> = {}) {
    const target = { host: '127.0.0.1', port: (echo.address() as AddressInfo).port };
    const proxy = await TcpProxy.start({ target, ...options });
    try {
      await body(proxy);
    } finally {
      await proxy.close();
    }
  }

  async function until(probe: () => boolean): Promise<void> {
    for (let i = 0; i < 6_000 && !probe(); i += 1) await sleep(10);
    assert.ok(probe());
  }

  test('passes bytes both ways and counts connections', async () => {
    await proxied(async (proxy) => {
      const client = await open(proxy);
      client.socket.write('hello');
      await until(() => client.text() === 'hello');
      assert.equal(proxy.accepted, 1);
      assert.equal(proxy.open, 1);
      client.socket.end();
      await until(() => client.closed() && proxy.open === 0);
    });
  });

  test('holds both or one direction, and lets everything through in order when released', async () => {
    await proxied(async (proxy) => {
      const client = await open(proxy);
      proxy.hold('toClient');
      client.socket.write('a');
      await until(() => received.at(-1) === 'a');
      await sleep(30);
      assert.equal(client.text(), '', 'the answer is held');
      proxy.hold();
      const before = received.length;
      client.socket.write('b');
      await sleep(30);
      assert.equal(received.length, before, 'the request is held');
      proxy.release();
      await until(() => client.text() === 'ab');
    });
  });

  test('while held the end of a connection is not passed on', async () => {
    await proxied(async (proxy) => {
      const client = await open(proxy);
      client.socket.write('x');
      await until(() => client.text() === 'x');
      proxy.hold('toServer');
      client.socket.destroy();
      await sleep(30);
      assert.equal(proxy.open, 1);
      proxy.release();
      await until(() => proxy.open === 0);
    });
  });

  test('cuts what is open, refuses what is new, and works again afterwards', async () => {
    await proxied(async (proxy) => {
      const first = await open(proxy);
      proxy.cut();
      await until(first.closed);
      proxy.refuse(true);
      const second = await open(proxy);
      await until(second.closed);
      proxy.refuse(false);
      const third = await open(proxy);
      third.socket.write('x');
      await until(() => third.text() === 'x');
    });
  });

  test('delays one direction and keeps the order', async () => {
    await proxied(async (proxy) => {
      const client = await open(proxy);
      proxy.delay(100, 'toClient');
      const startedAt = performance.now();
      client.socket.write('1');
      await sleep(20);
      client.socket.write('2');
      await until(() => client.text() === '12');
      assert.ok(performance.now() - startedAt >= 119);
    });
  });

  test('interceptors see whole frames, and drop, change or cut', async () => {
    await proxied(
      async (proxy) => {
        const frame = (body: string): Buffer => {
          const length = Buffer.alloc(4);
          length.writeUInt32BE(body.length);
          return Buffer.concat([length, Buffer.from(body)]);
        };
        const seen: string[] = [];
        proxy.intercept(({ direction, bytes, connection }) => {
          assert.equal(connection, 1);
          const body = bytes.subarray(4).toString();
          if (direction === 'toServer') seen.push(body);
          if (direction === 'toServer' && body === 'drop') return 'drop';
          if (direction === 'toClient' && body === 'change') return Buffer.from('CHANGED');
          return direction === 'toClient' && body === 'cut' ? 'cut' : 'pass';
        });
        const client = await open(proxy);
        const all = Buffer.concat(['keep', 'drop', 'change'].map(frame));
        client.socket.write(all.subarray(0, 6));
        await sleep(10);
        client.socket.write(all.subarray(6));
        await until(() => client.text().endsWith('CHANGED'));
        assert.equal(client.text(), `${frame('keep').toString()}CHANGED`);
        client.socket.write(frame('cut'));
        await until(client.closed);
        assert.deepEqual(seen, ['keep', 'drop', 'change', 'cut']);
      },
      { pieces: 'length-prefixed' },
    );
  });

  test('large streams pass whole, also through a pause', async () => {
    await proxied(async (proxy) => {
      const client = await open(proxy);
      const size = 8 * 1024 * 1024;
      let got = 0;
      client.socket.on('data', (chunk) => {
        got += chunk.length;
      });
      proxy.hold('toClient');
      client.socket.write(Buffer.alloc(size, 97));
      await sleep(50);
      proxy.release();
      await until(() => got === size);
    });
  });
});
