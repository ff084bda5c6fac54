import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { projectRoot } from '../bed/kafka-set.js';
import { compiledPath, type Mutant, mutated } from './mutant.js';

/** What a build consists of; maps are left out, the changed lines are not in them. */
const ROOMS = ['common', 'controller', 'worker', 'cli', 'test'] as const;

/** The build this module belongs to. */
export function ownBuild(): string {
  return resolve(dirname(fileURLToPath(import.meta.url)), '..', '..');
}

/** A copy of this build with the fault in it; below the project, where npm packages are found. */
export class MutantBuild {
  readonly folder: string;

  constructor(mutant: Mutant) {
    this.folder = join(projectRoot(), '.build', 'mutants', mutant.name);
    this.remove();
    mkdirSync(this.folder, { recursive: true });
    for (const room of ROOMS) cpSync(join(ownBuild(), room), join(this.folder, room), { recursive: true });
    const file = join(this.folder, compiledPath(mutant.file));
    writeFileSync(file, mutated(mutant, readFileSync(file, 'utf8')));
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
