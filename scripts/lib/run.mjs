// Child processes of the scripts: run to the end, collect or show the output, never without a time limit.
import { spawn } from 'node:child_process';

const tailLimitBytes = 64 * 1024;
const activeChildren = new Set();

process.on('exit', () => {
  for (const child of activeChildren) child.kill('SIGKILL');
});

/**
 * Runs a command to its end. `show` passes the output through; otherwise its last 64 KiB are returned.
 * @returns {Promise<{code: number, output: string, timedOut: boolean}>} `code` is 127 when the command does not exist.
 */
export function run(command, args, { cwd, env, show = false, timeoutMs = 600_000, onOutput } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd,
      env: env === undefined ? process.env : { ...process.env, ...env },
      stdio: ['ignore', show ? 'inherit' : 'pipe', show ? 'inherit' : 'pipe'],
    });
    activeChildren.add(child);
    let output = '';
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      child.kill('SIGTERM');
      setTimeout(() => child.kill('SIGKILL'), 5_000).unref();
    }, timeoutMs);
    const collect = (chunk) => {
      output = (output + chunk).slice(-tailLimitBytes);
      onOutput?.(String(chunk));
    };
    child.stdout?.on('data', collect);
    child.stderr?.on('data', collect);
    const finish = (code) => {
      clearTimeout(timer);
      activeChildren.delete(child);
      resolve({ code, output, timedOut });
    };
    child.on('error', (error) => {
      output += String(error.message);
      finish(127);
    });
    child.on('close', (code) => finish(timedOut ? 124 : (code ?? 1)));
  });
}
