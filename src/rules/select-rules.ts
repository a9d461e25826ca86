/** One entry of the configuration key `rules`: switches the rules whose name fits `rule`, and those that have `tag`. */
export interface RuleSelection {
  readonly operation: 'enable' | 'disable'
  /** A name in which `*` stands for any text. */
  readonly rule?: string
  readonly tag?: string
}

interface Selectable {
  readonly name: string
  readonly tags: readonly string[]
  readonly enabled: boolean
}

/** Whether `rule` is on after all `selections`, applied in order: the last one that fits decides. */
export function isSelected(rule: Selectable, selections: readonly RuleSelection[]): boolean {
  let isOn = rule.enabled
  for (const selection of selections) {
    const fits =
      (selection.rule !== undefined && matchesWildcard(selection.rule, rule.name)) ||
      (selection.tag !== undefined && rule.tags.includes(selection.tag))
    if (fits) isOn = selection.operation === 'enable'
  }
  return isOn
}

/** Whether `text` fits `pattern`, in which `*` stands for any text. Linear in the product of the lengths. */
export function matchesWildcard(pattern: string, text: string): boolean {
  let p = 0
  let t = 0
  let star = -1
  let retry = 0
  while (t < text.length) {
    if (p < pattern.length && pattern[p] === '*') {
      star = p++
      retry = t
    } else if (p < pattern.length && pattern[p] === text[t]) {
      p++
      t++
    } else if (star >= 0) {
      p = star + 1
      t = ++retry
    } else return false
  }
  while (pattern[p] === '*') p++
  return p === pattern.length
}
