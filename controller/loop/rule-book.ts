import { selectionText, type TopicSelection } from '../../common/model/selection.js';
import { NamePatterns } from '../../common/patterns/name-patterns.js';
import type { TopicRules } from '../core/selection.js';

/** Selections whose compiled form is kept: those of the routes, and some that people try out. */
const MAX_COMPILED = 200;
/** Answers that are remembered per selection: the same names are asked about again and again. */
const MAX_REMEMBERED = 100_000;

type Answer = { readonly [K in keyof TopicRules]: string | undefined };

/** Selections and the deny list as rules that answer; compiled once each, with their answers remembered. */
export class RuleBook {
  readonly #deny: NamePatterns;
  readonly #compiled = new Map<string, TopicRules>();

  /** @param deny the configuration's deny list */
  constructor(deny: readonly string[]) {
    this.#deny = new NamePatterns(deny);
  }

  /** @param selection undefined: nothing is included */
  rulesOf(selection: TopicSelection | undefined): TopicRules {
    const text = selection === undefined ? '' : selectionText(selection);
    let rules = this.#compiled.get(text);
    if (rules === undefined) {
      if (this.#compiled.size >= MAX_COMPILED) this.#compiled.clear();
      rules = this.#compile(selection);
      this.#compiled.set(text, rules);
    }
    return rules;
  }

  #compile(selection: TopicSelection | undefined): TopicRules {
    const include = new NamePatterns(selection?.include ?? []);
    const exclude = new NamePatterns(selection?.exclude ?? []);
    const answers = new Map<string, Answer>();
    const answer = (topic: string): Answer => {
      let found = answers.get(topic);
      if (found === undefined) {
        if (answers.size >= MAX_REMEMBERED) answers.clear();
        const [included, excluded, denied] = [include, exclude, this.#deny].map((patterns) => patterns.matching(topic));
        found = { included, excluded, denied };
        answers.set(topic, found);
      }
      return found;
    };
    return {
      included: (topic) => answer(topic).included,
      excluded: (topic) => answer(topic).excluded,
      denied: (topic) => answer(topic).denied,
    };
  }
}
