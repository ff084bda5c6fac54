import type { EvidenceRow } from '../../common/model/recovery.js';

/** Of those that are shown. */
const MAX_ROWS = 100;

type Verdict = 'ok' | 'warn' | 'block';

/** What is to be known before anything is done: each finding with its numbers, and whether it stands in the way. */
export class Findings {
  readonly rows: { check: string; verdict: Verdict; detail: string }[] = [];

  add(check: string, verdict: Verdict, detail: string): void {
    this.rows.push({ check, verdict, detail });
  }

  get blocking(): readonly string[] {
    return this.rows.filter(({ verdict }) => verdict === 'block').map(({ check, detail }) => `${check}: ${detail}`);
  }

  get evidence() {
    const count = (verdict: Verdict): number => this.rows.filter((row) => row.verdict === verdict).length;
    const rows: readonly EvidenceRow[] = this.rows.slice(0, MAX_ROWS);
    return { checks: this.rows.length, warnings: count('warn'), blocking: count('block'), rows };
  }
}
