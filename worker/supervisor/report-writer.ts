import { ANY_VERSION, type CoordinationStore } from '../../common/coordination/ports.js';
import { encodeReport } from '../../common/coordination/records/worker.js';
import { reportPath } from '../../common/coordination/znodes.js';
import { isCausewayError } from '../../common/errors/error.js';
import type { WorkerReport } from '../../common/model/worker.js';
import type { Logger } from '../../common/observability/logger.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { Closable } from '../../common/runtime/lifecycle.js';

const RETRY_MS = 200;

/** Writes the latest report; one write at a time, older reports that were not written yet are skipped. */
export class ReportWriter implements Closable {
  readonly #store: CoordinationStore;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #stop = new AbortController();
  #latest: WorkerReport | undefined;
  #written: string | undefined;
  #writing: Promise<void> | undefined;

  constructor(deps: { readonly store: CoordinationStore; readonly clock: Clock; readonly logger: Logger }) {
    this.#store = deps.store;
    this.#clock = deps.clock;
    this.#logger = deps.logger;
  }

  write(report: WorkerReport): void {
    this.#latest = report;
    this.#start();
  }

  #start(): void {
    this.#writing ??= this.#drain()
      .catch((error: unknown) => this.#logger.error('report.failed', { err: error }))
      .finally(() => {
        this.#writing = undefined;
        // One that came in the moment the loop ended.
        if (this.#latest !== undefined && !this.#stop.signal.aborted) this.#start();
      });
  }

  /** True when the latest report is written. */
  get flushed(): boolean {
    return this.#writing === undefined;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#writing;
  }

  async #drain(): Promise<void> {
    let told = false;
    while (this.#latest !== undefined && !this.#stop.signal.aborted) {
      const report = this.#latest;
      this.#latest = undefined;
      const data = encodeReport(report);
      const content = data.toString('base64');
      if (content === this.#written) continue;
      try {
        await this.#put(reportPath(report.worker), data);
        this.#written = content;
        told = false;
      } catch (error) {
        if (!told) this.#logger.warn('report.failed', { err: error });
        told = true;
        this.#latest ??= report;
        await this.#clock.sleep(RETRY_MS, this.#stop.signal);
      }
    }
  }

  async #put(path: string, data: Buffer): Promise<void> {
    try {
      // The node is this worker's alone; which incarnation wrote is in the report.
      await this.#store.set(path, data, ANY_VERSION);
    } catch (error) {
      if (!isCausewayError(error, 'NODE_MISSING')) throw error;
      await this.#store.create(path, data);
    }
  }
}
