import type { Mutant } from './mutant.js';
import { RULE_MUTANTS } from './rules-off.js';
import { SEEDED_BUGS } from './seeded-bugs.js';

export const ALL_MUTANTS: readonly Mutant[] = [...RULE_MUTANTS, ...SEEDED_BUGS];
