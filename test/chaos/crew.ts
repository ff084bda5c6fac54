import { setTimeout as sleep } from 'node:timers/promises';
import type { Fleet, FleetProcess, ProcessKind } from '../demo/fleet.js';
import { CONTROLLERS, WORKERS } from './plan.js';

const SUPERVISE_MS = 300;
/** The exit code of a process whose id another one has; it is started again, as a supervisor would. */
const EXIT_ID_TAKEN = 78;
/** A process that was told to go on and is not the one under its id any more gives up within this time. */
const GIVE_WAY_MS = 8_000;
const READY_LIMIT_MS = 60_000;

export const workerId = (slot: number): string => `worker-${slot + 1}`;
export const CREW: readonly { readonly kind: ProcessKind; readonly id: string }[] = [
  ...Array.from({ length: CONTROLLERS }, (_, i) => ({ kind: 'controller', id: `controller-${i + 1}` }) as const),
  ...Array.from({ length: WORKERS }, (_, i) => ({ kind: 'worker', id: workerId(i) }) as const),
];

/** The fleet's processes by their ids, whichever process has the id at the moment; those that end by themselves are started again. */
export class Crew {
  readonly #fleet: Fleet;
  readonly #say: (text: string) => void;
  readonly #members = new Map<string, FleetProcess>();
  /** Ids whose process was killed and is not to be started again yet. */
  readonly #down = new Set<string>();
  readonly #stopped = new Set<FleetProcess>();
  readonly #troubles: string[] = [];
  #isOver = false;
  #supervising: Promise<void> | undefined;

  constructor(fleet: Fleet, say: (text: string) => void) {
    this.#fleet = fleet;
    this.#say = say;
  }

  /** Processes that ended though nobody ended them. */
  get troubles(): readonly string[] {
    return this.#troubles;
  }

  async start(): Promise<void> {
    for (const { kind, id } of CREW) this.#members.set(id, await this.#fleet.start(kind, id));
    await this.ready();
    this.#supervising = this.#supervise();
  }

  process(id: string): FleetProcess {
    const process = this.#members.get(id);
    if (process === undefined) throw new Error(`there is no ${id}`);
    return process;
  }

  /** Those that run, are not about to be killed and not stopped. */
  awake(kind: ProcessKind): FleetProcess[] {
    return [...this.#members.values()].filter(
      (process) =>
        process.kind === kind && process.isRunning && !this.#stopped.has(process) && !this.#down.has(process.id),
    );
  }

  /** SIGKILL; it stays down until `revive`. */
  async kill(id: string): Promise<void> {
    this.#down.add(id);
    await this.process(id).kill();
  }

  async revive(id: string): Promise<void> {
    if (!this.process(id).isRunning) this.#members.set(id, await this.#fleet.start(this.process(id).kind, id));
    this.#down.delete(id);
  }

  /** SIGSTOP. */
  stop(id: string): FleetProcess {
    const process = this.process(id);
    this.#stopped.add(process);
    process.pause();
    return process;
  }

  /** SIGCONT. */
  goOn(process: FleetProcess): void {
    process.resume();
    this.#stopped.delete(process);
  }

  /** Another process gets the id; the one that had it goes its own way. */
  async replace(id: string): Promise<void> {
    this.#members.set(id, await this.#fleet.start(this.process(id).kind, id));
  }

  /** Waits for the end of a process that lost its id; SIGKILL when that takes long. */
  async seeOff(process: FleetProcess): Promise<void> {
    const giveUpAt = performance.now() + GIVE_WAY_MS;
    while (process.isRunning && performance.now() < giveUpAt) await sleep(SUPERVISE_MS);
    if (!process.isRunning) return;
    this.#say(`${process.id}: the process that was replaced still runs after ${GIVE_WAY_MS} ms and is killed`);
    await process.kill();
  }

  /** Whoever is down or stopped runs again. */
  async healAll(): Promise<void> {
    for (const process of [...this.#stopped]) this.goOn(process);
    for (const id of [...this.#down]) await this.revive(id);
  }

  /** Waits until whoever has an id by then is ready: one that had to be started again is waited for as well. */
  async ready(): Promise<void> {
    const giveUpAt = performance.now() + READY_LIMIT_MS;
    for (const { id } of CREW) {
      for (;;) {
        try {
          await this.process(id).ready();
          break;
        } catch (error) {
          if (performance.now() > giveUpAt) throw error;
          await sleep(SUPERVISE_MS);
        }
      }
    }
  }

  async endSupervision(): Promise<void> {
    this.#isOver = true;
    await this.#supervising;
  }

  async #supervise(): Promise<void> {
    while (!this.#isOver) {
      for (const [id, process] of this.#members) {
        if (process.isRunning || this.#down.has(id)) continue;
        const { code, signal } = process.exit ?? { code: null, signal: null };
        const how = `${id} ended by itself with ${signal ?? `status ${code}`}`;
        this.#say(`${how} and is started again`);
        if (code !== EXIT_ID_TAKEN) this.#troubles.push(how);
        await this.revive(id);
      }
      await sleep(SUPERVISE_MS);
    }
  }
}
