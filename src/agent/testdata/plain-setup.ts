import type { RuleSetup } from '../linked-rules.ts'

/** For tests and benchmarks: every rule that matches alerts, at any priority, and the configuration adds nothing to outputs. */
export const plainSetup: Pick<RuleSetup, 'appendOutput' | 'minPriority' | 'ruleMatching' | 'staticFields'> = {
  ruleMatching: 'all',
  minPriority: 7,
  appendOutput: [],
  staticFields: new Map(),
}
