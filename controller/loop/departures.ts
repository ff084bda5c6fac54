import type { WorkerAssignment } from '../../common/model/assignment.js';
import type { LaneRecord, LiveWorker } from '../../common/model/worker.js';

/** A lane whose owner never registered may be a worker that is just starting: it gets this long. */
const UNBORN_GRACE_MS = 60_000;
/** More than this share of the workers gone at once looks like a fault of ours, not of theirs. */
const MASS_VANISH_SHARE = 0.3;
const MASS_VANISH_MIN = 2;

export type DepartureReason =
  | 'died'
  | 'replaced'
  | 'handoff-timeout'
  | 'doubtful'
  | 'duplicate'
  | 'corrupt'
  | 'resumed';

/** An incarnation that gets no work any more and must be fenced before others continue. */
export interface Doomed {
  readonly worker: string;
  readonly incarnation: string;
  readonly reason: DepartureReason;
  /** Monotonic ms since when it was silent; undefined where it still lived when it was doomed. */
  readonly silentSinceMs: number | undefined;
}

export interface Presence {
  readonly nowMs: number;
  /** Without those whose process is gone. */
  readonly live: ReadonlyMap<string, LiveWorker>;
  /** Incarnations still registered whose process is over for certain: no delay is given to them. */
  readonly gone: ReadonlySet<string>;
  /** Workers whose live node exists and cannot be read: neither here nor gone. */
  readonly unreadableLive: ReadonlySet<string>;
  readonly assignments: readonly WorkerAssignment[];
  readonly lanes: readonly LaneRecord[];
  /** Incarnations that let go of everything in an orderly way. */
  readonly clean: ReadonlySet<string>;
  /** Whoever is gone is waited for, however long: an operator's freeze. Who came back under the same id is not. */
  readonly isFrozen: boolean;
  /** Workers whose restart is announced: as in a freeze, for them alone. */
  readonly awaited: ReadonlySet<string>;
}

export interface DepartureOptions {
  readonly takeoverDelayMs: number;
  /** How long a mass disappearance is waited out. */
  readonly freezeMs: () => number;
}

/**
 * Who is gone, since when, and who is given up for good. The leader's memory of one reign; what must survive it is in the lane nodes
 * (`fencing`), from which a successor resumes.
 */
export class Departures {
  readonly #options: DepartureOptions;
  readonly #absentSince = new Map<string, number>();
  readonly #doomed = new Map<string, Doomed>();
  #frozenSinceMs: number | undefined;

  constructor(options: DepartureOptions) {
    this.#options = options;
  }

  get doomed(): ReadonlyMap<string, Doomed> {
    return this.#doomed;
  }

  /** True while too many are gone at once to believe it (design.md section 4). */
  frozen(nowMs: number): boolean {
    return this.#frozenSinceMs !== undefined && nowMs < this.#frozenSinceMs + this.#options.freezeMs();
  }

  doom(departure: Doomed): boolean {
    if (this.#doomed.has(departure.incarnation)) return false;
    this.#doomed.set(departure.incarnation, departure);
    return true;
  }

  /** Forgets a doomed incarnation of which nothing is left. */
  forget(incarnation: string): void {
    this.#doomed.delete(incarnation);
  }

  /**
   * Compares who should be there with who is.
   * @returns the incarnations given up now, and when to look again (monotonic ms) because a delay ends then
   */
  observe(presence: Presence): { readonly doomed: readonly Doomed[]; readonly nextMs: number | undefined } {
    const known = knownIncarnations(presence);
    for (const incarnation of this.#absentSince.keys()) {
      if (!known.has(incarnation)) this.#absentSince.delete(incarnation);
    }
    const given: Doomed[] = [];
    const expired: Doomed[] = [];
    let nextMs: number | undefined;
    for (const [incarnation, { worker, born, fencing }] of known) {
      if (this.#doomed.has(incarnation)) continue;
      const verdict = this.#judge(presence, worker, incarnation, born);
      if (fencing) given.push({ worker, incarnation, reason: 'resumed', silentSinceMs: verdict.sinceMs });
      else if (verdict.state === 'replaced') {
        given.push({ worker, incarnation, reason: 'replaced', silentSinceMs: verdict.sinceMs });
      } else if (verdict.state === 'gone' && !((presence.isFrozen || presence.awaited.has(worker)) && born)) {
        if (verdict.untilMs <= presence.nowMs) {
          expired.push({ worker, incarnation, reason: 'died', silentSinceMs: verdict.sinceMs });
        } else nextMs = Math.min(nextMs ?? verdict.untilMs, verdict.untilMs);
      }
    }
    const freezeEndMs = this.#guard(presence);
    if (freezeEndMs === undefined) given.push(...expired);
    else if (expired.length > 0) nextMs = Math.min(nextMs ?? freezeEndMs, freezeEndMs);
    return { doomed: given.filter((departure) => this.doom(departure)), nextMs };
  }

  #judge(presence: Presence, worker: string, incarnation: string, born: boolean): Judgement {
    const live = presence.live.get(worker);
    if (live?.incarnation === incarnation || (live === undefined && presence.unreadableLive.has(worker))) {
      this.#absentSince.delete(incarnation);
      return { state: 'here' };
    }
    const sinceMs = this.#absentSince.get(incarnation) ?? presence.nowMs;
    this.#absentSince.set(incarnation, sinceMs);
    // A new incarnation of the same worker proves that the old one is over, unless the new one is only being born.
    if (live !== undefined && born) return { state: 'replaced', sinceMs };
    const delayMs = presence.gone.has(incarnation) ? 0 : born ? this.#options.takeoverDelayMs : UNBORN_GRACE_MS;
    return { state: 'gone', sinceMs, untilMs: sinceMs + delayMs };
  }

  /** When the freeze ends, if one is on. A freeze is spent once: it starts anew only after the fleet was whole again. */
  #guard({ nowMs, live, assignments }: Presence): number | undefined {
    const expected = assignments.filter((assignment) => assignment.items.length > 0);
    const missing = expected.filter(({ worker, incarnation }) => !live.has(worker) && !this.#doomed.has(incarnation));
    const workers = new Set([...live.keys(), ...expected.map((assignment) => assignment.worker)]).size;
    if (missing.length <= Math.max(MASS_VANISH_MIN, MASS_VANISH_SHARE * workers)) {
      this.#frozenSinceMs = undefined;
      return undefined;
    }
    this.#frozenSinceMs ??= Math.min(
      nowMs,
      ...missing.map(({ incarnation }) => this.#absentSince.get(incarnation) ?? nowMs),
    );
    return this.frozen(nowMs) ? this.#frozenSinceMs + this.#options.freezeMs() : undefined;
  }
}

type Judgement =
  | { readonly state: 'here'; readonly sinceMs?: undefined }
  | { readonly state: 'replaced'; readonly sinceMs: number }
  | { readonly state: 'gone'; readonly sinceMs: number; readonly untilMs: number };

interface Known {
  readonly worker: string;
  /** It has been given work, so it was registered once. */
  readonly born: boolean;
  /** One of its lanes is past the point of no return already. */
  readonly fencing: boolean;
}

function knownIncarnations({ assignments, lanes, clean }: Presence): Map<string, Known> {
  const known = new Map<string, Known>();
  for (const { worker, incarnation, items } of assignments) {
    if (items.length > 0) known.set(incarnation, { worker, born: true, fencing: false });
  }
  const named = new Set(assignments.map((assignment) => assignment.incarnation));
  for (const lane of lanes) {
    if (clean.has(lane.incarnation)) continue;
    const before = known.get(lane.incarnation);
    known.set(lane.incarnation, {
      worker: lane.worker,
      born: before?.born === true || named.has(lane.incarnation),
      fencing: before?.fencing === true || lane.state === 'fencing',
    });
  }
  return known;
}
