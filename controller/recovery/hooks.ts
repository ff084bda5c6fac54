import { spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { CausewayError, messageOf } from '../../common/errors/error.js';
import type { Recovery, RecoveryStep } from '../../common/model/recovery.js';
import type { RecoveryHook } from '../../common/model/recovery-hook.js';
import { backoffMs } from '../../common/runtime/backoff.js';
import type { Clock, Timer } from '../../common/runtime/clock.js';
import type { Random } from '../../common/runtime/random.js';
import type { StepOutcome } from '../core/recovery-state.js';
import type { HookRunner } from './ports.js';

const RETRY = { initialMs: 500, maxMs: 10_000 } as const;
/** Of what a hook answers, for the evidence. */
const MAX_OUTPUT_CHARS = 2_000;
const MAX_OUTPUT_BYTES = 64 * 1024;
/** What a command said last may come a little after its end. */
const OUTPUT_GRACE_MS = 500;

export interface HooksOptions {
  readonly hooks: readonly RecoveryHook[];
  readonly clock: Clock;
  readonly random: Random;
}

/** What a hook is told, as JSON: the body of a webhook, the standard input of a command. */
function messageFor(hook: RecoveryHook, recovery: Recovery, step: RecoveryStep): string {
  const { id, kind, route, reverse = null, topics } = recovery;
  return JSON.stringify({
    hook: hook.name,
    recovery: id,
    kind,
    route,
    reverse,
    topics,
    when: hook.when,
    step: hook.step,
    leg: step.leg,
  });
}

/** Hooks of the operators' configuration, by name; nothing of an order over REST reaches a URL or a command line. */
export class Hooks implements HookRunner {
  readonly #options: HooksOptions;

  constructor(options: HooksOptions) {
    this.#options = options;
  }

  describe(name: string): string {
    const hook = this.#find(name);
    if (hook === undefined) return `hook ${name} is not configured`;
    return hook.type === 'webhook' ? `POST ${new URL(hook.url).origin}` : `run ${hook.command[0]}`;
  }

  /** A hook may be called more than once for a step: after a failed attempt, and after a leader that died in it. */
  async run(name: string, recovery: Recovery, step: RecoveryStep, signal: AbortSignal): Promise<StepOutcome> {
    const hook = this.#find(name);
    if (hook === undefined) {
      return { kind: 'failed', message: `hook ${name} is not in the configuration of this controller` };
    }
    const { clock, random } = this.#options;
    const body = messageFor(hook, recovery, step);
    for (let attempt = 1; ; attempt += 1) {
      const startMs = clock.monotonicMs();
      try {
        const output =
          hook.type === 'webhook' ? await post(hook, body, signal) : await execute(hook, body, { signal, clock });
        const tookMs = Math.round(clock.monotonicMs() - startMs);
        return { kind: 'done', evidence: { hook: name, attempts: attempt, tookMs, output: printable(output) } };
      } catch (error) {
        const message = `hook ${name}: ${printable(messageOf(error))}`;
        if (signal.aborted || attempt > hook.retries) {
          const evidence = { hook: name, attempts: attempt };
          const isOptional = hook.onFailure === 'continue' && !signal.aborted;
          return { kind: isOptional ? 'skipped' : 'failed', message, evidence };
        }
        await clock.sleep(backoffMs(attempt - 1, RETRY, random), signal);
        // Whoever leads next begins the step anew.
        if (signal.aborted) return { kind: 'failed', message };
      }
    }
  }

  #find(name: string): RecoveryHook | undefined {
    return this.#options.hooks.find((hook) => hook.name === name);
  }
}

async function post(
  { url, secret, token, timeoutMs }: RecoveryHook & { readonly type: 'webhook' },
  body: string,
  signal: AbortSignal,
): Promise<string> {
  const headers: Record<string, string> = { 'content-type': 'application/json' };
  if (token !== undefined) headers['authorization'] = `Bearer ${token}`;
  if (secret !== undefined) {
    headers['x-causeway-signature'] = `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
  }
  const bound = AbortSignal.any([AbortSignal.timeout(timeoutMs), signal]);
  const response = await fetch(url, { method: 'POST', headers, body, redirect: 'error', signal: bound });
  // Only how it went is of interest; a body without end is not read.
  await response.body?.cancel();
  if (response.ok) return `status ${response.status}`;
  throw new CausewayError('HOOK_FAILED', `it was answered with status ${response.status}`);
}

/** With a process group of its own, so that what it started ends with it: whoever else holds its output would keep us waiting. */
function execute(
  { command, timeoutMs }: RecoveryHook & { readonly type: 'command' },
  body: string,
  { signal, clock }: { readonly signal: AbortSignal; readonly clock: Clock },
): Promise<string> {
  const [file = '', ...args] = command;
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      ...{ shell: false, detached: true, stdio: 'pipe' },
      env: { PATH: '/usr/local/bin:/usr/bin:/bin' },
    });
    const output = { stdout: '', stderr: '' };
    let bytes = 0;
    let ended: string | undefined;
    const end = (why: string): void => {
      ended ??= why;
      killGroup(child.pid);
    };
    const timer = clock.after(timeoutMs, () => end(`it was ended after ${timeoutMs} ms`));
    let grace: Timer | undefined;
    const onAbort = (): void => end('it was ended with the reign of its controller');
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    const settle = (finish: () => void): void => {
      timer.cancel();
      grace?.cancel();
      signal.removeEventListener('abort', onAbort);
      for (const stream of [child.stdout, child.stderr, child.stdin]) stream.destroy();
      finish();
    };
    const fail = (how: string): void =>
      settle(() => {
        const said = output.stderr === '' ? '' : `: ${output.stderr.slice(0, MAX_OUTPUT_CHARS)}`;
        reject(new CausewayError('HOOK_FAILED', `${how}${said}`));
      });
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (chunk: string) => {
        bytes += chunk.length;
        if (bytes > MAX_OUTPUT_BYTES) end(`it wrote more than ${MAX_OUTPUT_BYTES} bytes`);
        else output[name] += chunk;
      });
    }
    child.on('error', (error) => fail(`it could not be started: ${error.message}`));
    const finish = (code: number | null, by: string | null): void => {
      if (ended !== undefined) fail(ended);
      else if (code === 0) settle(() => resolve(output.stdout));
      else fail(`it ended with ${code ?? by ?? 'a signal'}`);
    };
    child.on('close', finish);
    // Somebody else may hold its output and never let go of it.
    child.on('exit', (code, by) => (grace = clock.after(OUTPUT_GRACE_MS, () => finish(code, by))));
    // A command that does not read what it is told is no failure.
    child.stdin.on('error', () => undefined);
    child.stdin.end(body);
  });
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

function printable(text: string): string {
  return [...text.slice(0, MAX_OUTPUT_CHARS)]
    .map((char) => (char < ' ' || char === '\u007f' ? ' ' : char))
    .join('')
    .trim();
}
