import assert from 'node:assert/strict'
import { test } from 'node:test'
import { allEvents, type BaseSyscalls, OWN_BASE, spellsFrequent, wantedEvents } from './base-syscalls.ts'
import { loadConfig } from './load-config.ts'
import { loadRules } from './load-rules.ts'
import type { PlannedRule } from '../rules/plan.ts'

const { config } = loadConfig({ env: {} })

function rulesOf(condition: string): readonly PlannedRule[] {
  const text = `- rule: r\n  desc: d\n  condition: ${condition}\n  output: o\n  priority: INFO\n`
  const { rules } = loadRules([{ path: 'r.yaml', text }], config)
  assert.ok(rules.plan, JSON.stringify(rules.results))
  return rules.plan.rules
}

function wantedFor(condition: string, base: Partial<BaseSyscalls> = {}): ReturnType<typeof wantedEvents> {
  return wantedEvents(rulesOf(condition), { ...OWN_BASE, ...base })
}

interface Case {
  readonly name: string
  readonly condition: string
  readonly base?: Partial<BaseSyscalls>
  readonly has?: readonly string[]
  readonly hasNot?: readonly string[]
  readonly tracepoints?: readonly string[]
  readonly notTraced?: readonly string[]
  readonly unknown?: readonly string[]
}

const cases: readonly Case[] = [
  {
    name: 'the calls that a rule names, and those that the state follows from',
    condition: 'evt.type = ptrace',
    has: ['ptrace', 'execve', 'clone', 'openat', 'close', 'connect', 'setuid', 'setuid32'],
    hasNot: ['mkdir', 'read', 'write', 'mount_setattr', 'sendto', 'recvmsg'],
  },
  {
    name: 'processes always end',
    condition: 'evt.type = ptrace',
    tracepoints: ['procexit'],
  },
  {
    name: 'a call without an event of its own is the only generic one',
    condition: 'evt.type = fsopen',
    has: ['fsopen'],
    hasNot: ['fsmount', 'getpid'],
  },
  {
    name: 'a rule about DNS messages and ClientHellos asks for no more than what tells names',
    condition: 'evt.type in (sendto, recvmsg, write) and (dns.qname = a.example or tls.sni = a.example)',
    hasNot: ['sendto', 'recvmsg', 'write'],
    notTraced: [],
  },
  {
    name: 'so does one that names no type',
    condition: 'dns.rcode = NXDOMAIN',
    hasNot: ['getpid', 'mkdir', 'sendto'],
    notTraced: [],
  },
  {
    name: 'one that is also about other events does not',
    condition: 'evt.type in (sendto, recvmsg) and (dns.qname = a.example or not tls.sni = a.example)',
    has: ['sendto', 'recvmsg'],
  },
  {
    name: 'several of them',
    condition: 'evt.type in (fsopen, fsmount, mkdir)',
    has: ['fsopen', 'fsmount', 'mkdir'],
    hasNot: ['getpid'],
  },
  {
    name: 'a rule about any event wants all calls but input and output',
    condition: 'proc.name = nginx',
    has: ['getpid', 'mkdir', 'mmap'],
    hasNot: ['read', 'pwrite64'],
    notTraced: ['pread', 'preadv', 'pwrite', 'pwritev', 'read', 'readv', 'recv', 'send', 'sendfile', 'write', 'writev'],
  },
  {
    name: 'input and output is not traced though a rule names it, and that is said',
    condition: 'evt.type in (read, open)',
    hasNot: ['read'],
    notTraced: ['read'],
  },
  {
    name: 'sends and receives are traced when a rule names them',
    condition: 'evt.type in (sendto, recvfrom)',
    has: ['sendto', 'recvfrom'],
    hasNot: ['sendmsg', 'recvmsg'],
    notTraced: [],
  },
  {
    name: 'with `all` it is',
    condition: 'evt.type in (read, pread)',
    base: { all: true },
    has: ['read', 'pread64'],
    notTraced: [],
  },
  {
    name: 'a custom set takes the place of the state',
    condition: 'evt.type = connect',
    base: { customSet: ['execve', 'clone'] },
    has: ['connect', 'execve', 'clone'],
    hasNot: ['openat', 'close', 'setuid'],
  },
  {
    name: 'an entry with `!` takes a call away, from rules too',
    condition: 'evt.type in (connect, mkdir)',
    base: { customSet: ['!mkdir', '!dup'] },
    has: ['connect', 'openat'],
    hasNot: ['mkdir', 'dup'],
    notTraced: ['mkdir'],
  },
  {
    name: 'unknown entries are told',
    condition: 'evt.type = connect',
    base: { customSet: ['conect', '!opn'] },
    unknown: ['conect', 'opn'],
    has: ['openat'],
  },
  {
    name: 'repair: a file rule needs closes and processes, no sockets',
    condition: 'evt.type = openat',
    base: { repair: true },
    has: ['openat', 'close', 'execve', 'clone'],
    hasNot: ['socket', 'connect', 'dup'],
  },
  {
    name: 'repair: a network rule needs sockets',
    condition: 'evt.type = connect',
    base: { repair: true },
    has: ['connect', 'socket', 'getsockopt', 'close'],
    hasNot: ['bind', 'openat'],
  },
  {
    name: 'repair: a server rule needs bind',
    condition: 'evt.type = listen',
    base: { repair: true },
    has: ['listen', 'bind', 'socket'],
  },
  {
    name: 'repair: a process rule needs processes only',
    condition: 'evt.type = execve',
    base: { repair: true },
    has: ['execve', 'clone', 'chdir'],
    hasNot: ['close', 'socket', 'openat'],
  },
  {
    name: 'tracepoints are traced when a rule names them',
    condition: 'evt.type in (signaldeliver, kill)',
    tracepoints: ['procexit', 'signaldeliver'],
    has: ['kill'],
  },
  {
    name: 'events that no call makes are nobody’s to trace',
    condition: 'evt.type = container',
    notTraced: [],
    hasNot: ['container', 'mkdir'],
  },
]

for (const { name, condition, base, has, hasNot, tracepoints, notTraced, unknown } of cases) {
  test(`wantedEvents: ${name}`, () => {
    const wanted = wantedFor(condition, base)
    for (const call of has ?? []) assert.ok(wanted.syscalls.has(call), `${call} is missing`)
    for (const call of hasNot ?? []) assert.ok(!wanted.syscalls.has(call), `${call} is there`)
    if (tracepoints !== undefined) assert.deepEqual([...wanted.tracepoints].sort(), tracepoints)
    if (notTraced !== undefined) assert.deepEqual(wanted.notTraced, notTraced)
    if (unknown !== undefined) assert.deepEqual(wanted.unknown, unknown)
  })
}

test('allEvents: a recording has everything, by names of the kernel', () => {
  const { syscalls, tracepoints } = allEvents()
  for (const call of ['read', 'pread64', 'openat', 'getpid', 'fsopen']) assert.ok(syscalls.has(call), call)
  assert.ok(!syscalls.has('pread'))
  assert.ok(!syscalls.has('syscall'))
  assert.deepEqual([...tracepoints].sort(), ['page_fault', 'procexit', 'signaldeliver', 'switch'])
})

for (const [condition, want] of [
  ['evt.type = read', true],
  ['proc.name = cat and (evt.type in (openat, pwrite) or evt.type = close)', true],
  ['evt.type = openat', false],
  ['evt.type = recvmsg', false],
  ['proc.name = read', false],
] as const) {
  test(`frequent calls are spelled: ${condition}: ${want}`, () =>
    assert.equal(spellsFrequent(rulesOf(condition)[0]!), want))
}
