import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadRules } from '../agent/load-rules.ts'
import type { PlanCheck } from './plan.ts'

const CONFIGURED = ['threats', 'trusted']

function load(text: string, lists: readonly string[] = CONFIGURED) {
  const { rules } = loadRules([{ path: 'rules.yaml', text }], {
    ruleSelection: [],
    minPriority: 7,
    staticFields: new Map(),
    domains: {
      strict: false,
      lists: lists.map(name => ({ name, file: 'f', format: 'auto', match: 'exact' })),
    },
  })
  return rules
}

function ruleOf(condition: string, before = ''): string {
  return `${before}- rule: r\n  desc: d\n  condition: ${JSON.stringify(`evt.type = connect and ${condition}`)}\n  output: o\n  priority: INFO\n`
}

const taken: readonly {
  readonly name: string
  readonly text: string
  readonly values?: readonly string[]
  readonly lists: readonly string[]
}[] = [
  { name: 'alone', text: ruleOf('fd.sip.name in (threats)'), lists: ['threats'] },
  {
    name: 'among names and other lists',
    text: ruleOf('fd.sip.name in (a.example, threats, b.example, trusted, threats)'),
    values: ['a.example', 'b.example'],
    lists: ['threats', 'trusted'],
  },
  { name: 'in quotes', text: ruleOf('fd.sip.name in ("threats")'), lists: ['threats'] },
  { name: 'by the names of a message', text: ruleOf('dns.answers intersects (threats)'), lists: ['threats'] },
  { name: 'by a server name', text: ruleOf('tls.sni in (threats)'), lists: ['threats'] },
  { name: 'by a host', text: ruleOf('http.host in (threats)'), lists: ['threats'] },
  {
    name: 'with the items of a list of the rules',
    text: ruleOf('fd.sip.name in (threats)', '- list: threats\n  items: [a.example]\n'),
    values: ['a.example'],
    lists: ['threats'],
  },
  {
    name: 'in a list of the rules',
    text: ruleOf('fd.sip.name in (all)', '- list: all\n  items: [threats, a.example]\n'),
    values: ['a.example'],
    lists: ['threats'],
  },
  {
    name: 'in a macro',
    text: `- macro: bad\n  condition: fd.sip.name in (threats)\n${ruleOf('bad')}`,
    lists: ['threats'],
  },
  {
    name: 'in an exception',
    text: `${ruleOf('fd.sip.name exists')}  exceptions:\n    - name: ok\n      fields: [fd.sip.name]\n      comps: [in]\n      values:\n        - [[threats]]\n`,
    lists: ['threats'],
  },
]

function checksWithLists(rules: ReturnType<typeof load>): readonly PlanCheck[] {
  const found: PlanCheck[] = []
  const visit = (expr: NonNullable<typeof rules.plan>['rules'][number]['condition']): void => {
    if (expr.kind === 'check') {
      if (expr.rhs.kind === 'lists') found.push(expr)
    } else if (expr.kind === 'not') visit(expr.operand)
    else for (const operand of expr.operands) visit(operand)
  }
  for (const { condition } of rules.plan?.rules ?? []) visit(condition)
  return found
}

for (const c of taken) {
  test(`configured lists in conditions: ${c.name}`, () => {
    const rules = load(c.text)
    assert.deepEqual(
      rules.results.flatMap(r => r.findings.map(f => f.diagnostic.message)),
      [],
    )
    const [check, ...more] = checksWithLists(rules)
    assert.equal(more.length, 0)
    assert.deepEqual(check?.rhs, { kind: 'lists', values: c.values ?? [], lists: c.lists })
    assert.deepEqual(rules.plan!.nameLists, c.lists)
  })
}

const refused: readonly {
  readonly name: string
  readonly text: string
  readonly message: string
  readonly help: string
}[] = [
  {
    name: 'a field that has no names',
    text: ruleOf('proc.name in (threats)'),
    message: '`threats` is a configured list of domain names, which `proc.name` is not compared with',
    help: 'such lists are for `fd.sip.name`, `dns.qname`, `tls.sni`, `http.host` and their kin',
  },
  {
    name: 'another operator',
    text: ruleOf('fd.sip.name = threats'),
    message: '`threats` is a configured list of domain names, which `=` does not take',
    help: 'write `fd.sip.name in (threats)`',
  },
  {
    name: 'what a transformer makes of a name',
    text: ruleOf('toupper(dns.qname) in (threats)'),
    message: '`threats` is a configured list of domain names, which `toupper` is not compared with',
    help: 'such lists are for `fd.sip.name`, `dns.qname`, `tls.sni`, `http.host` and their kin',
  },
]

for (const c of refused) {
  test(`configured lists in conditions: not with ${c.name}`, () => {
    const { diagnostic } = load(c.text).results[0]!.findings[0]!
    assert.deepEqual([diagnostic.code, diagnostic.message, diagnostic.help], ['E0107', c.message, c.help])
    assert.equal(diagnostic.source.text.slice(diagnostic.span.start, diagnostic.span.end), 'threats')
  })
}

test('configured lists in conditions: a word that is no list is a name, as in Falco, and draws a warning', () => {
  const [finding] = load(ruleOf('fd.sip.name in (no_list)')).results[0]!.findings
  assert.equal(finding?.diagnostic.message, '`no_list` is taken for a domain name: no list has this name')
})

test('configured lists in conditions: checks of other lists have other keys', () => {
  const keyOf = (condition: string): string => checksWithLists(load(ruleOf(condition)))[0]!.key
  assert.notEqual(keyOf('fd.sip.name in (threats)'), keyOf('fd.sip.name in (trusted)'))
  assert.notEqual(keyOf('fd.sip.name in (threats)'), keyOf('fd.sip.name in (threats, a)'))
  assert.equal(keyOf('fd.sip.name in (threats, trusted)'), keyOf('fd.sip.name in (trusted, threats)'))
})
