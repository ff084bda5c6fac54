import { type CausewayError, isCausewayError } from '../errors/error.js';
import type { LogFields, Logger } from '../observability/logger.js';
import type { Clock, Timer } from '../runtime/clock.js';
import type { Closable } from '../runtime/lifecycle.js';
import { EXIT } from './exit-codes.js';
import { nodeProcess, type ProcessHost, type StopSignal } from './process-host.js';

/** A role at work. */
export interface RunningRole extends Closable {
  /** What `process.started` says beside role, id and version: addresses. */
  readonly facts: LogFields;
}

export interface RoleSpec {
  readonly version: string;
  /** Carries role and id on every line. */
  readonly logger: Logger;
  readonly clock: Clock;
  /** How long a graceful stop may take; then the process ends with 1. */
  readonly shutdownTimeoutMs: number;
  /** `fail` ends the process for a reason that has a code: nothing is handed over any more. */
  start(fail: (error: CausewayError) => void): Promise<RunningRole>;
}

/** A role told to stop while it still starts has nothing to hand over: it gets this long to come up and close properly. */
const START_GRACE_MS = 3_000;

/**
 * Runs a role for the life of the process. Returns at once; the process ends through `host.exit`:
 * 0 after a graceful stop (SIGTERM, SIGINT), 1 when that took too long or a second SIGTERM came, 130 for a second SIGINT,
 * 70 for an unforeseen error, the error's own exit code when the start fails.
 */
export function runRole(spec: RoleSpec, host: ProcessHost = nodeProcess): void {
  new RoleRunner(spec, host).run();
}

class RoleRunner {
  readonly #spec: RoleSpec;
  readonly #host: ProcessHost;
  #running: RunningRole | undefined;
  #stopping = false;
  #ended = false;
  #deadline: Timer | undefined;

  constructor(spec: RoleSpec, host: ProcessHost) {
    this.#spec = spec;
    this.#host = host;
  }

  run(): void {
    this.#host.on('SIGTERM', () => this.#onSignal('SIGTERM'));
    this.#host.on('SIGINT', () => this.#onSignal('SIGINT'));
    this.#host.on('uncaughtException', (error) => this.#crash(error));
    this.#host.on('unhandledRejection', (reason) => this.#crash(reason));
    this.#start().catch((error: unknown) => this.#crash(error));
  }

  async #start(): Promise<void> {
    const { version, logger } = this.#spec;
    try {
      this.#running = await this.#spec.start((error) => this.#fail(error));
    } catch (error) {
      logger.error('process.start_failed', { err: error });
      this.#end(isCausewayError(error) ? error.info.exitCode : EXIT.crashed);
      return;
    }
    if (this.#stopping) {
      await this.#close(this.#running);
      return;
    }
    logger.info('process.started', { version, pid: process.pid, ...this.#running.facts });
  }

  #onSignal(signal: StopSignal): void {
    const { logger, clock, shutdownTimeoutMs } = this.#spec;
    if (this.#stopping) {
      logger.warn('process.forced', { signal });
      this.#end(signal === 'SIGINT' ? EXIT.interrupted : EXIT.failed);
      return;
    }
    this.#stopping = true;
    logger.info('process.stopping', { signal, shutdownTimeoutMs });
    if (this.#running === undefined) {
      this.#deadline = clock.after(START_GRACE_MS, () => this.#end(EXIT.ok));
      return;
    }
    this.#deadline = clock.after(shutdownTimeoutMs, () => {
      logger.error('process.stop_timeout', { shutdownTimeoutMs });
      this.#end(EXIT.failed);
    });
    this.#close(this.#running).catch((error: unknown) => this.#crash(error));
  }

  async #close(running: RunningRole): Promise<void> {
    await running.close();
    this.#spec.logger.info('process.stopped');
    this.#end(EXIT.ok);
  }

  #fail(error: CausewayError): void {
    if (this.#ended) return;
    this.#spec.logger.error('process.failed', { err: error });
    this.#end(error.info.exitCode);
  }

  #crash(error: unknown): void {
    if (this.#ended) return;
    this.#spec.logger.error('process.crashed', { err: error });
    this.#end(EXIT.crashed);
  }

  #end(code: number): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#deadline?.cancel();
    this.#host.exit(code);
  }
}
