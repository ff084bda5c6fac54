import type { Actor } from './actor.js';
import type { Dice } from './dice.js';
import { Link } from './link.js';
import type { Timeline } from './timeline.js';

/** Who can reach whom, and the links that are open. A place is a server or a set of them: `zookeeper`, `source`, `target`. */
export class Network {
  readonly #timeline: Timeline;
  readonly #dice: Dice;
  readonly #links = new Map<Link, { readonly place: string; readonly server: number }>();
  readonly #cuts = new Map<string, number>();

  constructor(timeline: Timeline, dice: Dice) {
    this.#timeline = timeline;
    this.#dice = dice;
  }

  /** @param server which one of the place's */
  open(client: Actor, place: string, server = 0): Link {
    const link = new Link(client, this.#timeline, this.#dice);
    this.#links.set(link, { place, server });
    link.onSevered(() => this.#links.delete(link));
    return link;
  }

  reaches(client: Actor, place: string): boolean {
    return !this.#cuts.has(keyOf(client.process.name, place));
  }

  /** Breaks what is open from the process to the place, or a part of it. */
  break(process: string, place: string, share = 1): void {
    for (const [link, at] of [...this.#links]) {
      if (at.place !== place || link.client.process.name !== process || !this.#dice.chance(share)) continue;
      link.sever({ isSilent: this.#dice.chance(0.4) });
    }
  }

  /** The server is gone, and what it had not taken up is, too. */
  breakServer(place: string, server: number): void {
    for (const [link, at] of [...this.#links]) {
      if (at.place === place && at.server === server) link.sever({ isSilent: this.#dice.chance(0.3), isLost: true });
    }
  }

  /** Nothing gets through, and nobody is told, until `heal`. */
  cut(process: string, place: string): void {
    const key = keyOf(process, place);
    this.#cuts.set(key, (this.#cuts.get(key) ?? 0) + 1);
    for (const [link, at] of [...this.#links]) {
      if (at.place === place && link.client.process.name === process) link.sever({ isSilent: true });
    }
  }

  heal(process: string, place: string): void {
    const key = keyOf(process, place);
    const count = this.#cuts.get(key) ?? 0;
    if (count > 1) this.#cuts.set(key, count - 1);
    else this.#cuts.delete(key);
  }
}

const keyOf = (process: string, place: string): string => `${process} ${place}`;
