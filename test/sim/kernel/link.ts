import type { Actor } from './actor.js';
import type { Dice } from './dice.js';
import type { Timeline } from './timeline.js';

/** One way of a link, most of the time; now and then something takes longer. */
const LATENCY_MS = [0.2, 2] as const;
const SLOW_MS = [5, 60] as const;
const SLOW_SHARE = 0.02;
/** What was on its way when a link broke arrives so late at most. */
const LATE_MS = 4_000;
/** Of what was on its way, each message is followed by the next with this probability. */
const SURVIVES = 0.6;

interface Message {
  readonly deliver: () => void;
  scheduled: { cancel(): void };
}

/** One connection: messages arrive in order in each direction. Broken, what the client had sent may still arrive, late. */
export class Link {
  readonly client: Actor;
  readonly #timeline: Timeline;
  readonly #dice: Dice;
  readonly #underWay: Message[] = [];
  readonly #onSevered: ((toldAfterMs: number | undefined) => void)[] = [];
  #lastToServerMs = 0;
  #lastToClientMs = 0;
  #isOpen = true;

  constructor(client: Actor, timeline: Timeline, dice: Dice) {
    this.client = client;
    this.#timeline = timeline;
    this.#dice = dice;
    client.onKill(() => this.sever({ isSilent: true }));
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  toServer(deliver: () => void): void {
    if (!this.#isOpen) return;
    this.#lastToServerMs = Math.max(this.#lastToServerMs, this.#timeline.nowMs + this.#latencyMs());
    const message: Message = { deliver, scheduled: this.#schedule(this.#lastToServerMs, () => arrive()) };
    const arrive = (): void => {
      this.#underWay.splice(this.#underWay.indexOf(message), 1);
      deliver();
    };
    this.#underWay.push(message);
  }

  toClient(deliver: () => void): void {
    if (!this.#isOpen) return;
    this.#lastToClientMs = Math.max(this.#lastToClientMs, this.#timeline.nowMs + this.#latencyMs());
    this.client.turn(this.#lastToClientMs - this.#timeline.nowMs, () => {
      if (this.#isOpen) deliver();
    });
  }

  /** @param listener hears after how many ms the client learns of it; undefined: never */
  onSevered(listener: (toldAfterMs: number | undefined) => void): void {
    this.#onSevered.push(listener);
  }

  /**
   * @param how.isSilent the client is not told
   * @param how.isLost nothing that is under way arrives: the server is gone
   */
  sever(how: { readonly isSilent?: boolean; readonly isLost?: boolean } = {}): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    let lateMs = this.#timeline.nowMs;
    let survives = how.isLost !== true;
    for (const { deliver, scheduled } of this.#underWay.splice(0)) {
      scheduled.cancel();
      survives &&= this.#dice.chance(SURVIVES);
      lateMs += this.#dice.chance(0.5) ? this.#latencyMs() : this.#dice.between(0, LATE_MS);
      if (survives) this.#schedule(lateMs, deliver);
    }
    const toldAfterMs = how.isSilent === true ? undefined : this.#latencyMs();
    for (const listener of this.#onSevered.splice(0)) listener(toldAfterMs);
  }

  #schedule(atMs: number, run: () => void): { cancel(): void } {
    return this.#timeline.after(atMs - this.#timeline.nowMs, run);
  }

  #latencyMs(): number {
    const [from, to] = this.#dice.chance(SLOW_SHARE) ? SLOW_MS : LATENCY_MS;
    return this.#dice.between(from, to);
  }
}
