import { readFileSync } from 'node:fs'
import { parse, stringify } from 'yaml'

/** The rule sets that the replay figures are measured with, as YAML text by name. */
export interface RuleSet {
  readonly name: string
  readonly files: readonly { readonly path: string; readonly text: string }[]
}

const NET = 'evt.type in (connect,accept,accept4,sendto,recvfrom)'

/** Sets made from Falco's rule files in `rulesDir`: as they are, and the stable ones copied under other names. */
export function falcoSets(rulesDir: URL): RuleSet[] {
  const file = (name: string) => ({ path: name, text: readFileSync(new URL(name, rulesDir), 'utf8') })
  const stable = file('falco_rules.yaml')
  const all = [stable, file('falco-incubating_rules.yaml'), file('falco-sandbox_rules.yaml')]
  return [
    { name: 'stable', files: [stable] },
    { name: 'all 93', files: all },
    ...[10, 50].map(n => ({
      name: `stable ×${n}`,
      files: [{ path: `stable${n}.yaml`, text: copyRules(stable.text, n) }],
    })),
  ]
}

/** `n` rules of one address, one path prefix or one program name each. */
export function manyRuleSets(counts: readonly number[]): RuleSet[] {
  const kinds: readonly [string, (i: number) => string][] = [
    ['address', i => `${NET} and fd.sip=${address(i)} and proc.name!=foo`],
    [
      'path prefix',
      i => `evt.type in (open,openat,openat2) and fd.name startswith /nonexist/dir${i}/ and proc.name!=foo`,
    ],
    [
      'program name',
      i => `evt.type in (execve,execveat) and proc.name=prog${i} and proc.cmdline contains "secret${i}"`,
    ],
  ]
  return kinds.flatMap(([kind, condition]) =>
    counts.map(n => ({
      name: `${n} × one ${kind}`,
      files: [
        { path: `${kind}-${n}.yaml`, text: stringify(Array.from({ length: n }, (_, i) => rule(i, condition(i)))) },
      ],
    })),
  )
}

/** One rule that never matches: what reading and state cost. */
export const neverSet: RuleSet = {
  name: 'one, never matching',
  files: [{ path: 'never.yaml', text: stringify([rule(0, 'evt.type=reboot and proc.name=zzz')]) }],
}

/** The rules of a file `n` times, the copies under other names. */
export function copyRules(text: string, n: number): string {
  const items = parse(text) as Record<string, unknown>[]
  const rules = items.filter(item => 'rule' in item)
  const more = Array.from({ length: n - 1 }, (_, i) =>
    rules.map(item => ({ ...item, rule: `${String(item['rule'])} copy ${i + 1}` })),
  )
  return stringify([...items, ...more.flat()], { lineWidth: 0 })
}

function rule(i: number, condition: string): Record<string, unknown> {
  return { rule: `r${i}`, desc: 'd', condition, output: 'o %evt.num %proc.name %fd.name', priority: 'INFO' }
}

/** Distinct addresses, spread over 10.0.0.0/8. */
function address(i: number): string {
  const n = Math.imul(i + 1, 2654435761) >>> 8
  return `10.${(n >>> 16) & 255}.${(n >>> 8) & 255}.${n & 255}`
}
