import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadRules } from '../../../src/agent/load-rules.ts'
import { eventLookup } from '../../../src/events/event-lookup.ts'
import { noSettings } from './load-case.ts'

// Which events a condition is tried on: what it says of evt.type, everything else taken as possible.

/** The codes of the events that each condition is tried on, sorted. */
function codesOf(conditions: readonly string[]): readonly (readonly number[])[] {
  const text = conditions
    .map((condition, i) => `- rule: r${i}\n  desc: d\n  condition: ${condition}\n  output: o\n  priority: INFO\n`)
    .join('')
  const { rules } = loadRules([{ path: 'rules.yaml', text }], noSettings)
  assert.ok(rules.plan !== undefined, JSON.stringify(rules.results[0]!.findings.map(f => f.diagnostic.message)))
  return rules.plan.rules.map(rule => [...rule.eventCodes].sort((a, b) => a - b))
}

const named = (...names: readonly string[]): readonly number[] =>
  [...new Set(names.flatMap(name => eventLookup.codesOf(name) ?? []))].sort((a, b) => a - b)

const all = codesOf(['proc.name = x'])[0]!
const without = (...names: readonly string[]): readonly number[] => {
  const out = new Set(named(...names))
  return all.filter(code => !out.has(code))
}

const sets: readonly {
  readonly want: readonly number[]
  readonly name: string
  readonly conditions: readonly string[]
}[] = [
  {
    name: 'openat alone',
    want: named('openat'),
    conditions: [
      'evt.type=openat',
      'evt.type = openat',
      'not evt.type != openat',
      'not not evt.type = openat',
      'not not not not evt.type = openat',
      'evt.type in (openat)',
      'not (not evt.type=openat)',
      'evt.type=openat and proc.name=nginx',
      'evt.type=openat and not proc.name=nginx',
      'evt.type=openat and (proc.name=nginx)',
      'evt.type=openat and not (evt.type=close and proc.name=nginx)',
    ],
  },
  {
    name: 'all but openat',
    want: without('openat'),
    conditions: [
      'evt.type!=openat',
      'not not not evt.type = openat',
      'not evt.type=openat',
      'evt.type=close or evt.type!=openat',
    ],
  },
  {
    name: 'openat and close',
    want: named('openat', 'close'),
    conditions: [
      'evt.type in (openat, close)',
      'evt.type=openat or evt.type=close',
      'evt.type=openat or (evt.type=close and proc.name=nginx)',
      'evt.type=close or (evt.type=openat and proc.name=nginx)',
    ],
  },
  {
    name: 'all but openat and close',
    want: without('openat', 'close'),
    conditions: [
      'not evt.type in (openat, close)',
      'not not not evt.type in (openat, close)',
      'evt.type!=openat and evt.type!=close',
    ],
  },
  {
    name: 'all events',
    want: all,
    conditions: [
      'evt.type!=openat or evt.type!=close',
      'evt.type=openat or proc.name=nginx',
      'evt.type=openat or (proc.name=nginx)',
      '(evt.type=openat) or proc.name=nginx',
      'evt.type=close or not (evt.type=openat and proc.name=nginx)',
      'evt.type=openat or not (evt.type=close and proc.name=nginx)',
      '(evt.type exists)',
      '(not proc.name=cat)',
      'not (evt.type in ())',
      'evt.type=mmap or not evt.type=mmap',
      '(evt.type in ()) or (evt.type exists)',
      '(evt.type in ()) or (proc.name=cat)',
      '(evt.type in ()) or (not proc.name=cat)',
      'evt.type=mmap or (evt.type exists)',
      'evt.type=mmap or (proc.name=cat)',
      'evt.type=mmap or (not proc.name=cat)',
      'not (proc.name=cat or fd.type=file)',
      'not (proc.name=cat and evt.type=mmap)',
      'not (proc.name=cat and fd.type=file)',
      'not (evt.type=execve and evt.type=mmap)',
      'not evt.type=execve or not evt.type=mmap',
    ],
  },
  {
    name: 'no event',
    want: [],
    conditions: [
      'evt.type=close and evt.type=openat',
      'evt.type=openat and (evt.type=close and proc.name=nginx)',
      'evt.type=openat and (evt.type=close)',
      '(evt.type=mmap and not evt.type=mmap)',
      '(evt.type in ())',
      'not (evt.type exists)',
      '(evt.type in ()) and (evt.type exists)',
      '(evt.type in ()) and (proc.name=cat)',
      '(evt.type in ()) and (not proc.name=cat)',
      'evt.type=mmap and (evt.type in ())',
      'evt.type=execve and evt.type=mmap',
    ],
  },
  {
    name: 'mmap alone',
    want: named('mmap'),
    conditions: [
      'not (not evt.type=mmap)',
      'evt.type=mmap and (evt.type exists)',
      'evt.type=mmap and (proc.name=cat)',
      'evt.type=mmap and (not proc.name=cat)',
      'evt.type=mmap or (evt.type in ())',
      'evt.type=mmap or evt.type=mmap',
      'evt.type=mmap and evt.type=mmap',
      'proc.name=cat and evt.type=mmap',
    ],
  },
  {
    name: 'all but mmap',
    want: without('mmap'),
    conditions: [
      'not (proc.name=cat or evt.type=mmap)',
      'not proc.name=cat and not evt.type=mmap',
      'not (evt.type=mmap or proc.name=cat)',
      'not (evt.type=mmap or evt.type=mmap)',
      'not evt.type=mmap and not evt.type=mmap',
      'not (evt.type=mmap and evt.type=mmap)',
      'not evt.type=mmap or not evt.type=mmap',
      'evt.type!=mmap',
    ],
  },
  {
    name: 'all but execve and mmap',
    want: without('execve', 'mmap'),
    conditions: [
      'not (evt.type=execve or evt.type=mmap)',
      'not evt.type=execve and not evt.type=mmap',
      'not evt.type=mmap and not evt.type=execve',
    ],
  },
  {
    name: 'an event that is taken out again for one program',
    want: named('connect', 'execve', 'accept', 'mmap', 'container'),
    conditions: [
      'evt.type in (connect, execve, accept, mmap, container) and not (proc.name=cat and evt.type=mmap)',
      'evt.type in (accept, connect, container, execve, mmap)',
    ],
  },
  {
    name: 'transformers elsewhere say nothing of events',
    want: all,
    conditions: [
      'b64(proc.name) = cat',
      'proc.name = b64(fd.name)',
      'b64(proc.name) = b64(fd.name)',
      'b64(proc.name) != cat',
      'not b64(proc.name) != b64(fd.name)',
    ],
  },
]

for (const { name, want, conditions } of sets) {
  test(`tried on: ${name}`, () => {
    for (const [i, codes] of codesOf(conditions).entries()) assert.deepEqual(codes, want, conditions[i])
  })
}
