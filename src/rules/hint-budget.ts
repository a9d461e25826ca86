/** So many names may be looked at, in one loading of rules, to find those that were meant. */
const MAX_COMPARED_NAMES = 500_000

/** Keeps «did you mean» from taking longer than everything else: a file with thousands of unknown names gets hints for the first. */
export class HintBudget {
  #left = MAX_COMPARED_NAMES;

  /** The same names, as long as the budget lasts. */
  *spend(names: Iterable<string>): Generator<string> {
    for (const name of names) {
      if (this.#left-- <= 0) return
      yield name
    }
  }
}
