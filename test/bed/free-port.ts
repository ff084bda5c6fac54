import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BedError } from './bed-error.js';

// Below the kernel's ephemeral range (32768 and up on Linux): there, an outgoing connection could take the port of a
// broker that is down for a moment.
const firstPort = 20_000;
const lastPort = 32_000;
const attempts = 200;

const reservations = join(tmpdir(), 'causeway-ports');
const reserved = new Set<number>();

process.on('exit', () => {
  for (const port of reserved) rmSync(join(reservations, String(port)), { force: true });
});

/** A TCP port that is free on the loopback interface and stays reserved for this process until it ends. */
export async function freePort(): Promise<number> {
  mkdirSync(reservations, { recursive: true });
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const port = firstPort + Math.floor(Math.random() * (lastPort - firstPort));
    if (!reserve(port)) continue;
    if (await canListen(port)) return port;
  }
  throw new BedError(`no free port between ${firstPort} and ${lastPort} in ${attempts} attempts`);
}

function reserve(port: number): boolean {
  const path = join(reservations, String(port));
  for (;;) {
    try {
      writeFileSync(path, String(process.pid), { flag: 'wx' });
      reserved.add(port);
      return true;
    } catch {
      if (reserved.has(port) || !removeIfOwnerIsGone(path)) return false;
    }
  }
}

function removeIfOwnerIsGone(path: string): boolean {
  try {
    process.kill(Number(readFileSync(path, 'utf8')) || process.pid, 0);
    return false;
  } catch {
    rmSync(path, { force: true });
    return true;
  }
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
