import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadRules } from './load-rules.ts'
import { usesNames } from './uses-names.ts'

const rows: readonly {
  readonly name: string
  readonly condition?: string
  readonly output?: string
  readonly enabled?: boolean
  readonly want: boolean
}[] = [
  { name: 'a rule that compares a name', condition: 'fd.sip.name = a.example', want: true },
  {
    name: 'below not, and, or',
    condition: 'not (proc.name = a or (proc.name = b and fd.cip.names exists))',
    want: true,
  },
  { name: 'inside a transformer', condition: 'toupper(dns.qname) = A.EXAMPLE', want: true },
  { name: 'on the right side', condition: 'proc.name = val(tls.sni)', want: true },
  { name: 'an output', output: 'to %20fd.sip.name', want: true },
  { name: 'a transformer in an output', output: 'to %toupper(http.host)', want: true },
  { name: 'neither', condition: 'fd.sip = 192.0.2.1', output: '%fd.name %fd.sip', want: false },
  { name: 'a rule that is off', condition: 'fd.sip.name = a.example', enabled: false, want: false },
]

for (const { name, condition = 'proc.name = a', output = 'o', enabled = true, want } of rows) {
  test(`rules that need names: ${name}`, () => {
    const text = `- rule: r\n  desc: d\n  condition: ${JSON.stringify(`evt.type = connect and (${condition})`)}\n  output: ${JSON.stringify(output)}\n  priority: INFO\n  enabled: ${enabled}\n`
    const { rules } = loadRules([{ path: 'rules.yaml', text }], {
      ruleSelection: [],
      minPriority: 7,
      staticFields: new Map(),
      domains: { strict: false },
    })
    assert.ok(rules.plan !== undefined, JSON.stringify(rules.results[0]?.findings))
    assert.equal(usesNames(rules.plan), want)
  })
}
