// Rules about domain names, from their text to the line of the alert: what the two documents behind Tiercel promise of them, and the
// cases in which an engine that keeps one name per address goes wrong.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BindingFact } from '../../src/domains/binding.ts'
import { NameIndex } from '../../src/domains/name-index.ts'
import { compileOutput } from '../../src/engine/format-output.ts'
import { linkPlan } from '../../src/engine/link-plan.ts'
import { eventLookup } from '../../src/events/event-lookup.ts'
import { eventTable } from '../../src/events/event-table.ts'
import { NdjsonParser } from '../../src/events/ndjson/read-ndjson.ts'
import { fieldByName, fieldLookup } from '../../src/fields/catalogue.ts'
import { jsonValue, renderValue } from '../../src/fields/render-value.ts'
import { collectAccusedDomains } from '../../src/rules/compile-condition.ts'
import { compileRules } from '../../src/rules/compile-rules.ts'
import { parseOutputFormat } from '../../src/rules/parse-output.ts'
import { HostState, stateSink } from '../../src/state/host-state.ts'
import { parseIp } from '../../src/values/ip.ts'

const T0_SEC = 1_777_888_800

/** A connect by a process: seconds after the start, the address, who. */
interface Connect {
  readonly at: number
  readonly to: string
  readonly pid?: number
  readonly res?: number
}

/** A fact as a bindings file has it, its times in seconds after the start. */
interface Known {
  readonly name: string
  readonly ip: string
  readonly evidence?: BindingFact['evidence']
  readonly pid?: number
  readonly from?: number
  readonly to?: number
  readonly chain?: readonly string[]
}

interface Case {
  readonly name: string
  readonly rules: string
  readonly known?: readonly Known[]
  readonly connects: readonly Connect[]
  /** A line `second rule: output` for each alert. */
  readonly want: readonly string[]
}

function rule(name: string, condition: string, output = '%fd.sip.name'): string {
  return `- rule: ${name}\n  desc: d\n  condition: evt.type = connect and ${condition}\n  output: "${output}"\n  priority: NOTICE\n`
}

const TRUSTED = '- list: trusted_domains\n  items: [sysdig.com, GitHub.com, google.com.]\n'

const cases: readonly Case[] = [
  {
    name: 'the rule of the blog: every name that is not on the list alerts, and says which name it was',
    rules: TRUSTED + rule('Unexpected outbound', 'not fd.sip.name in (trusted_domains)', 'to %fd.sip.name (%fd.sip)'),
    known: [
      { name: 'github.com', ip: '140.82.121.4' },
      { name: 'google.com', ip: '2a00:1450::8a' },
      { name: 'evil.example', ip: '203.0.113.66' },
    ],
    connects: [
      { at: 1, to: '140.82.121.4' },
      { at: 2, to: '2a00:1450::8a' },
      { at: 3, to: '203.0.113.66' },
      { at: 4, to: '203.0.113.67' },
    ],
    want: ['3 Unexpected outbound: to evil.example (203.0.113.66)', '4 Unexpected outbound: to <NA> (203.0.113.67)'],
  },
  {
    name: 'a positive match prints the name',
    rules: rule('Yahoo', 'fd.sip.name = yahoo.com'),
    known: [{ name: 'yahoo.com', ip: '98.137.11.163' }],
    connects: [
      { at: 1, to: '98.137.11.163' },
      { at: 2, to: '98.137.11.164' },
    ],
    want: ['1 Yahoo: yahoo.com'],
  },
  {
    name: 'a negative match prints what is known, where Falco prints nothing',
    rules: rule('Not yahoo', 'fd.sip.name != yahoo.com'),
    known: [
      { name: 'yahoo.com', ip: '98.137.11.163' },
      { name: 'google.com', ip: '142.250.1.1' },
    ],
    connects: [
      { at: 1, to: '98.137.11.163' },
      { at: 2, to: '142.250.1.1' },
      { at: 3, to: '142.250.1.2' },
    ],
    want: ['2 Not yahoo: google.com', '3 Not yahoo: <NA>'],
  },
  {
    name: 'two rules, two names, one address: both fire, and != is false for either name',
    rules:
      rule('A', 'fd.sip.name = a.example', '%fd.sip.names') +
      rule('B', 'fd.sip.name = b.example', '%fd.sip.names') +
      rule('Not A', 'fd.sip.name != a.example') +
      rule('Not B', 'fd.sip.name != b.example'),
    known: [
      { name: 'b.example', ip: '192.0.2.1' },
      { name: 'a.example', ip: '192.0.2.1' },
    ],
    connects: [{ at: 1, to: '192.0.2.1' }],
    want: ['1 A: (a.example,b.example)', '1 B: (a.example,b.example)'],
  },
  {
    name: 'an address without a name is != every name, and no name exists',
    rules: rule('Not', 'fd.sip.name != a.example') + rule('Exists', 'fd.sip.name exists'),
    connects: [{ at: 1, to: '192.0.2.1' }],
    want: ['1 Not: <NA>'],
  },
  {
    name: 'without an address every check is false',
    rules: rule('Not', 'fd.sip.name != a.example') + rule('Is not', 'not fd.sip.name = a.example'),
    connects: [{ at: 1, to: '192.0.2.1', res: -111 }],
    want: ['1 Is not: <NA>'],
  },
  {
    name: 'names hold at the time of the event',
    rules: rule('Shop', 'fd.sip.name = shop.example'),
    known: [{ name: 'shop.example', ip: '192.0.2.1', evidence: 'observed', from: 10, to: 20 }],
    connects: [
      { at: 9, to: '192.0.2.1' },
      { at: 10, to: '192.0.2.1' },
      { at: 19, to: '192.0.2.1' },
      { at: 20, to: '192.0.2.1' },
    ],
    want: ['10 Shop: shop.example', '19 Shop: shop.example'],
  },
  {
    name: 'two processes, one address: each is judged by the name that it looked up',
    rules: rule('Shop', 'fd.sip.name = shop.example') + rule('Pool', 'fd.sip.name in (pool.example, pool2.example)'),
    known: [
      { name: 'pool.example', ip: '192.0.2.1' },
      { name: 'shop.example', ip: '192.0.2.1', evidence: 'observed', pid: 11 },
      { name: 'pool2.example', ip: '192.0.2.1', evidence: 'observed', pid: 12 },
    ],
    connects: [
      { at: 1, to: '192.0.2.1', pid: 11 },
      { at: 2, to: '192.0.2.1', pid: 12 },
    ],
    want: ['1 Shop: shop.example', '2 Pool: pool2.example'],
  },
  {
    name: 'a rule at each name of an alias chain, each printing the name that it spells',
    rules: rule('Asked', 'fd.sip.name = www.shop.example') + rule('Middle', 'fd.sip.name = shop.cdn.example'),
    known: [{ name: 'www.shop.example', ip: '192.0.2.9', chain: ['shop.cdn.example', 'edge7.cdn.example'] }],
    connects: [{ at: 1, to: '192.0.2.9' }],
    want: ['1 Asked: www.shop.example', '1 Middle: shop.cdn.example'],
  },
  {
    name: 'patterns and text operators are asked of the names that are known',
    rules:
      rule('Below', 'fd.sip.name = "*.example.com"') +
      rule('Ends', 'fd.sip.name endswith .example.com') +
      rule('Contains', 'fd.sip.name contains nothing'),
    known: [
      { name: 'a.b.example.com', ip: '192.0.2.1' },
      { name: 'example.com', ip: '192.0.2.2' },
    ],
    connects: [
      { at: 1, to: '192.0.2.1' },
      { at: 2, to: '192.0.2.2' },
      { at: 3, to: '192.0.2.3' },
    ],
    want: ['1 Below: a.b.example.com', '1 Ends: a.b.example.com'],
  },
  {
    name: 'an address spelled as a name is that address',
    rules: rule('Literal', 'fd.sip.name = 192.0.2.1') + rule('Local', 'fd.sip.name = localhost'),
    connects: [
      { at: 1, to: '192.0.2.1' },
      { at: 2, to: '127.0.0.1' },
    ],
    want: ['1 Literal: 192.0.2.1', '2 Local: localhost'],
  },
  {
    name: 'many rules of one name each, and one of them per connection',
    rules: Array.from({ length: 300 }, (_, i) => rule(`R${i}`, `fd.sip.name = n${i}.example`)).join(''),
    known: Array.from({ length: 300 }, (_, i) => ({ name: `n${i}.example`, ip: `192.0.2.${i % 100}` })),
    connects: [{ at: 1, to: '192.0.2.7' }],
    want: ['1 R7: n7.example', '1 R107: n107.example', '1 R207: n207.example'],
  },
]

/** Alerts of `rules` on the connects. */
function alertsOf(c: Case): string[] {
  const { plan, results } = compileRules([{ path: 'rules.yaml', text: c.rules }], {
    fields: fieldLookup,
    events: eventLookup,
  })
  assert.ok(plan !== undefined, JSON.stringify(results[0]?.findings.map(f => f.diagnostic.message)))
  const index = new NameIndex()
  const matcher = linkPlan(plan, { fields: fieldByName, eventTable, names: index, ruleMatching: 'all', minPriority: 7 })
  matcher.prepare()
  for (const { name, ip, evidence = 'resolved', pid, from, to, chain } of c.known ?? []) {
    const fact: BindingFact = {
      name,
      ip: parseIp(ip)!,
      evidence,
      ...(pid !== undefined && { owner: { pid } }),
      ...(from !== undefined && { fromMs: (T0_SEC + from) * 1000 }),
      ...(to !== undefined && { untilMs: (T0_SEC + to) * 1000 }),
      ...(chain !== undefined && { chain }),
    }
    assert.equal(index.learn(fact, 0, { keep: true }), true)
  }
  const outputs = new Map(
    plan.rules.map(planned => {
      const format = parseOutputFormat(planned.output, { fields: fieldLookup })
      assert.ok(format.ok)
      return [planned, compileOutput(format.format, { fields: fieldByName, renderer: { renderValue, jsonValue } })]
    }),
  )
  const printed = new Map(plan.rules.map(p => [p, index.preferring([...collectAccusedDomains(p.condition)])]))
  const state = new HostState()
  state.current.names = index
  const alerts: string[] = []
  const sink = stateSink(state, current => {
    for (const matched of matcher.match(current)) {
      state.current.names = printed.get(matched)
      const sec = Number(current.rec.tsNs / 1_000_000_000n) - T0_SEC
      alerts.push(`${sec} ${matched.name}: ${outputs.get(matched)?.(current).text}`)
    }
    return true
  })
  const parser = new NdjsonParser(sink)
  for (const line of linesOf(c.connects)) parser.push(Buffer.from(`${JSON.stringify(line)}\n`))
  parser.end()
  assert.deepEqual(parser.summary().problems, [])
  return alerts
}

function* linesOf(connects: readonly Connect[]): Iterable<object> {
  for (const pid of new Set(connects.map(connect => connect.pid ?? 10))) {
    yield { kind: 'process', tid: pid, pid, ptid: 1, comm: 'curl', exe: 'curl' }
  }
  for (const { at, to, pid = 10, res = 0 } of connects) {
    const ts = String(BigInt(T0_SEC + at) * 1_000_000_000n)
    const isV6 = to.includes(':')
    const args = { fd: 3, domain: isV6 ? 'AF_INET6' : 'AF_INET', type: 1, proto: 0, flags: 0 }
    yield { type: 'socket', ts, tid: pid, args }
    const tuple = isV6 ? `2001:db8::10:40000->${to}:443` : `10.0.0.10:40000->${to}:443`
    yield { type: 'connect', ts, tid: pid, args: { res, tuple, fd: 3 } }
  }
}

for (const c of cases) test(`domain names: ${c.name}`, () => assert.deepEqual(alertsOf(c), c.want))
