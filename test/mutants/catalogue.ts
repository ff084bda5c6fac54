import type { Mutant } from './mutant.js';
import { OWNERSHIP_MUTANTS } from './rules-of-ownership.js';
import { WRITING_MUTANTS } from './rules-of-writing.js';
import { SEEDED_BUGS } from './seeded-bugs.js';

export const ALL_MUTANTS: readonly Mutant[] = [...WRITING_MUTANTS, ...OWNERSHIP_MUTANTS, ...SEEDED_BUGS];
