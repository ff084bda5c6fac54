/** Instead of an answer: this one has to be asked again, before all others. */
export const AGAIN = Symbol('again');

export interface GathererOptions<Question, Answer> {
  /** One request; an answer for each question, in their order. Its failure is the failure of all of them. */
  readonly ask: (questions: readonly Question[]) => Promise<readonly (Answer | typeof AGAIN)[]>;
  /** Questions of one key never go into the same request; all may, unless given. */
  readonly keyOf?: (question: Question) => string;
  readonly maxQuestions: number;
}

interface Asked<Question, Answer> {
  readonly question: Question;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Asks somebody one request at a time: what is asked for while one is under way goes into the next one together, so that hundreds of
 * partitions that need the same at the same time need a handful of requests. No answer is older than its question.
 */
export class Gatherer<Question, Answer> {
  readonly #options: GathererOptions<Question, Answer>;
  #waiting: Asked<Question, Answer>[] = [];
  #isAsking = false;

  constructor(options: GathererOptions<Question, Answer>) {
    this.#options = options;
  }

  ask(question: Question): Promise<Answer> {
    return new Promise<Answer>((resolve, reject) => {
      this.#waiting.push({ question, resolve, reject });
      if (this.#isAsking) return;
      this.#isAsking = true;
      // Everything that is asked within one turn goes together.
      queueMicrotask(() => this.#askAll());
    });
  }

  #askAll(): void {
    const asked = this.#take();
    if (asked.length === 0) {
      this.#isAsking = false;
      return;
    }
    this.#askThese(asked)
      .catch((error: unknown) => {
        for (const { reject } of asked) reject(error);
      })
      .finally(() => this.#askAll())
      // Nothing of the above fails.
      .catch(() => undefined);
  }

  async #askThese(asked: readonly Asked<Question, Answer>[]): Promise<void> {
    const answers = await this.#options.ask(asked.map(({ question }) => question));
    const again: Asked<Question, Answer>[] = [];
    for (const [i, one] of asked.entries()) {
      const answer = answers[i];
      if (answer === AGAIN) again.push(one);
      else one.resolve(answer as Answer);
    }
    this.#waiting.unshift(...again);
  }

  #take(): Asked<Question, Answer>[] {
    const { keyOf, maxQuestions } = this.#options;
    const keys = new Set<string>();
    const taken: Asked<Question, Answer>[] = [];
    const left: Asked<Question, Answer>[] = [];
    for (const one of this.#waiting) {
      const key = keyOf?.(one.question);
      if (taken.length >= maxQuestions || (key !== undefined && keys.has(key))) {
        left.push(one);
        continue;
      }
      if (key !== undefined) keys.add(key);
      taken.push(one);
    }
    this.#waiting = left;
    return taken;
  }
}

/** Gatherers that belong to something, a client mostly, each under a name; they end with it. */
export class Gatherers<Owner extends object, Question, Answer> {
  readonly #byOwner = new WeakMap<Owner, Map<string, Gatherer<Question, Answer>>>();

  of(owner: Owner, name: string, make: () => Gatherer<Question, Answer>): Gatherer<Question, Answer> {
    let named = this.#byOwner.get(owner);
    if (named === undefined) {
      named = new Map();
      this.#byOwner.set(owner, named);
    }
    let gatherer = named.get(name);
    if (gatherer === undefined) {
      gatherer = make();
      named.set(name, gatherer);
    }
    return gatherer;
  }
}
