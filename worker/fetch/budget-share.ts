/** The memory that fetches are charged to. */
export interface FetchBudget {
  readonly usedBytes: number;
  readonly freeBytes: number;
  charge(bytes: number): void;
  release(bytes: number): void;
  /** Calls back once when that much is free. */
  whenFree(bytes: number, wake: () => void): void;
}

/** The budget as somebody sees it who may use a share of it only: the rest always has room for others. */
export class BudgetShare implements FetchBudget {
  readonly #budget: FetchBudget;
  readonly #keptShare: number;

  /** @param share from 0 to 1: of the whole, however much of it others use */
  constructor(budget: FetchBudget, share: number) {
    this.#budget = budget;
    this.#keptShare = 1 - share;
  }

  get usedBytes(): number {
    return this.#budget.usedBytes;
  }

  get freeBytes(): number {
    return Math.max(0, this.#budget.freeBytes - this.#keptBytes);
  }

  get #keptBytes(): number {
    return Math.ceil((this.#budget.usedBytes + this.#budget.freeBytes) * this.#keptShare);
  }

  charge(bytes: number): void {
    this.#budget.charge(bytes);
  }

  release(bytes: number): void {
    this.#budget.release(bytes);
  }

  whenFree(bytes: number, wake: () => void): void {
    // Looked at anew each time: when others take from the whole, less of it is kept, and as much as now may not be free again for long.
    this.#budget.whenFree(bytes, () => {
      if (this.freeBytes >= bytes) wake();
      else this.whenFree(bytes, wake);
    });
  }
}
