/**
 * `append_output`: text and fields that the configuration adds to the outputs of rules, before the outputs are compiled. Entries apply in
 * order; each entry adds its own text, then the suggested fields.
 */

/** One entry of `append_output`. An empty `source` or `rule` matches all; `tags` must all be among the rule's. */
export interface AppendOutputEntry {
  readonly source: string
  readonly rule: string
  readonly tags: readonly string[]
  /** Added after one space; empty adds nothing. */
  readonly extraOutput: string
  readonly extraFields: readonly ExtraField[]
  /** Adds `a_b=%a.b` for every suggested field of the rule's source. */
  readonly suggestedOutput: boolean
}

/** A member that appears in `output_fields` only. `raw`: the field of that name with its own type; else `format` printed, as a string. */
export type ExtraField =
  | { readonly kind: 'raw'; readonly key: string }
  | { readonly kind: 'formatted'; readonly key: string; readonly format: string }

/** What of a rule decides; a `PlannedRule` is one. */
export interface AppendTarget {
  readonly name: string
  readonly source: string
  readonly tags: readonly string[]
  readonly output: string
}

export interface AppendedOutput {
  /** The output format to compile in place of the rule's. */
  readonly output: string
  /** By key, each once; an entry further down replaces an earlier one. */
  readonly extraFields: readonly ExtraField[]
}

/** Fields that Falco's container plugin marks as suggested, in its order. */
const suggestedSyscallFields: readonly string[] = [
  'container.id',
  'container.name',
  'container.image.repository',
  'container.image.tag',
  'k8s.pod.name',
  'k8s.ns.name',
]

/** Names (with the prefix `static.`) of the fields that `static_fields` defines, sorted as Falco does. */
function staticFieldNames(staticFields: ReadonlyMap<string, string>): string[] {
  return [...staticFields.keys()].sort().map(key => `static.${key}`)
}

/** The output of `rule` after `append_output`; the rule's own where no entry matches. */
export function applyAppendOutput(
  rule: AppendTarget,
  entries: readonly AppendOutputEntry[],
  staticFields: ReadonlyMap<string, string> = new Map(),
): AppendedOutput {
  let output = rule.output
  const extraFields = new Map<string, ExtraField>()
  for (const entry of entries) {
    if (!matches(entry, rule)) continue
    if (entry.extraOutput !== '') output += ` ${entry.extraOutput}`
    if (entry.suggestedOutput) {
      for (const field of suggestedFields(rule.source, staticFields)) output += ` ${suggestedPair(field)}`
    }
    for (const field of entry.extraFields) extraFields.set(field.key, field)
  }
  return { output, extraFields: [...extraFields.values()] }
}

function matches(entry: AppendOutputEntry, rule: AppendTarget): boolean {
  return (
    (entry.source === '' || entry.source === rule.source) &&
    (entry.rule === '' || entry.rule === rule.name) &&
    entry.tags.every(tag => rule.tags.includes(tag))
  )
}

function suggestedFields(source: string, staticFields: ReadonlyMap<string, string>): readonly string[] {
  const fixed = staticFieldNames(staticFields)
  return source === 'syscall' ? [...fixed, ...suggestedSyscallFields] : fixed
}

function suggestedPair(field: string): string {
  return `${field.replaceAll('.', '_')}=%${field}`
}
