/** Suggest only what a typing mistake could have made of it. */
const MAX_DISTANCE = 3;
const MAX_SUGGESTIONS = 2;

/** Edits between two words: insertion, deletion, substitution, transposition of neighbours (optimal string alignment). */
export function editDistance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  const at = (i: number, j: number): number => rows[i]?.[j] ?? 0;
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    rows.push(row);
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) best = Math.min(best, at(i - 2, j - 2) + 1);
      row.push(best);
    }
  }
  return at(a.length, b.length);
}

/** `Take-over_delay` and `takeoverDelay` are the same word to a person. */
function folded(word: string): string {
  return word.toLowerCase().replace(/[-_.]/g, '');
}

/**
 * The known words nearest to `word`, best first, at most two; none when nothing is near.
 * @param taken words that are there already: offered only when nothing else is as near
 */
export function nearest(word: string, known: readonly string[], taken: ReadonlySet<string> = new Set()): string[] {
  const bound = Math.max(1, Math.min(MAX_DISTANCE, Math.floor(word.length / 2)));
  const rated = known
    .map((candidate) => ({
      candidate,
      distance: Math.min(editDistance(word, candidate), editDistance(folded(word), folded(candidate))),
      taken: taken.has(candidate),
    }))
    .filter(({ distance }) => distance <= bound)
    .sort(
      (a, b) => a.distance - b.distance || Number(a.taken) - Number(b.taken) || (a.candidate < b.candidate ? -1 : 1),
    );
  const best = rated[0];
  if (best === undefined) return [];
  return rated
    .filter(({ distance, taken: isTaken }) => distance === best.distance && isTaken === best.taken)
    .slice(0, MAX_SUGGESTIONS)
    .map(({ candidate }) => candidate);
}

/** `; did you mean "a" or "b"?`, or nothing. */
export function suggestion(word: string, known: readonly string[], taken?: ReadonlySet<string>): string {
  const words = nearest(word, known, taken);
  return words.length === 0 ? '' : `; did you mean ${words.map((near) => `"${near}"`).join(' or ')}?`;
}
