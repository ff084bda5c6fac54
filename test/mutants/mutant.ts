/** What has to notice the fault: a test that fails by it, or seeds of the simulation. */
export type Catcher =
  | {
      readonly kind: 'test';
      /** A source path, relative to the project. */
      readonly file: string;
      /** Part of the title of the test that has to fail. */
      readonly title: string;
    }
  | {
      /** `npm run demo -- --check`: real clusters, load, and a comparison record by record. */
      readonly kind: 'demo';
      readonly args: readonly string[];
      /** What the comparison has to count in the load, or how one of the faults begins that it names in the gallery. */
      readonly finds: AuditFinding | { readonly fault: string };
    }
  | {
      readonly kind: 'simulation';
      /** One of so many seeds has to end in a violation. */
      readonly seeds: number;
    };

export type AuditFinding = 'missing' | 'duplicated' | 'reordered' | 'different' | 'phantom' | 'misplaced';

/** One fault, put into a copy of the compiled product. The product itself has no switch for it. */
export interface Mutant {
  readonly name: string;
  /** The numbered rule of the ownership protocol that is off; absent: a bug of another kind. */
  readonly rule?: string;
  /** What the product does then. */
  readonly does: string;
  /** The changed module: a source path, relative to the project. */
  readonly file: string;
  /** Each fragment stands once in the compiled module, without types and within a line. */
  readonly edits: readonly Edit[];
  readonly caughtBy: Catcher;
}

export interface Edit {
  readonly from: string;
  readonly to: string;
}

/** @throws Error when a fragment is not there exactly once: the mutant has to follow its module */
export function mutated({ name, file, edits }: Pick<Mutant, 'name' | 'file' | 'edits'>, text: string): string {
  let changed = text;
  for (const { from, to } of edits) {
    const places = changed.split(from).length - 1;
    if (places !== 1) throw new Error(`mutant "${name}": "${from}" stands ${places} times in ${file}, not once`);
    changed = changed.replace(from, () => to);
  }
  return changed;
}

/** `worker/lane/lane.ts` -> `worker/lane/lane.js` */
export function compiledPath(source: string): string {
  return source.replace(/\.ts$/, '.js');
}

export const INTEGRATION = 'test/integration';
export const UNIT = 'test/unit';

/** @param file without its ending */
export function testNamed(file: string, title: string): Catcher {
  return { kind: 'test', file: `${file}.test.ts`, title };
}
