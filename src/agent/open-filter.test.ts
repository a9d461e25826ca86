import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { NameIndex } from '../domains/name-index.ts'
import { attachBytes, createRecord, readRecord } from '../events/decode-record.ts'
import { encodeEvent, le } from '../events/encode-event.ts'
import type { Plan } from '../rules/plan.ts'
import { infoOf } from '../state/testdata/test-host.ts'
import type { OpenOrders } from '../wire/agent-messages.ts'
import { loadConfig } from './load-config.ts'
import { loadRules } from './load-rules.ts'
import { openFilterOf } from './open-filter.ts'
import { Pipeline } from './pipeline.ts'
import { plainSetup } from './testdata/plain-setup.ts'

const { config } = loadConfig({ env: {} })

function planOf(rules: readonly { readonly condition: string; readonly output?: string }[]): Plan {
  const text = rules
    .map(({ condition, output = 'o' }, i) => {
      const lines = [`- rule: r${i}`, 'desc: d', `condition: ${condition}`, `output: '${output}'`, 'priority: INFO']
      return `${lines.join('\n  ')}\n`
    })
    .join('')
  const loaded = loadRules([{ path: 'r.yaml', text }], config)
  assert.ok(loaded.rules.plan, JSON.stringify(loaded.rules.results))
  return loaded.rules.plan
}

// ---------------------------------------------------------------- what follows from a condition

interface Case {
  readonly name: string
  readonly condition: string
  readonly output?: string
  /** `all`: nothing may be left out; else what opens must have to be told. */
  readonly want:
    | 'all'
    | { reads?: readonly string[]; writes?: readonly string[]; programs?: readonly string[]; named?: readonly string[] }
}

const cases: readonly Case[] = [
  { name: 'no rule about opens', condition: 'evt.type = ptrace', want: { reads: [], writes: [] } },
  { name: 'any open', condition: 'evt.type = openat', want: 'all' },
  { name: 'an open that writes', condition: 'evt.type = openat and evt.is_open_write = true', want: { reads: [] } },
  {
    name: 'one path, by the piece of it that is rare',
    condition: 'evt.type = openat and fd.name = /etc/shadow',
    want: { reads: ['adow'], writes: ['adow'] },
  },
  {
    name: 'a list of paths, a directory, a name, the beginning, the middle and the end of a path',
    condition:
      'evt.type in (open, openat, openat2) and evt.is_open_read = true and (fd.name in (/a/list1, /a/list2) or fd.directory = /a/direct' +
      ' or fd.filename = something or fd.name startswith /begin or fd.name contains middle or fd.name endswith .end)',
    want: {
      reads: ['ist1', 'ist2', 'rect', 'hing', 'egin', 'ddle', '.end'],
      writes: ['ist1', 'ist2', 'rect', 'hing', 'egin', 'ddle', '.end'],
    },
  },
  {
    name: 'a glob by its literals, a path prefix by its components',
    condition: 'evt.type = openat and (fd.name glob /home/*/.ssh/* or fd.name pmatch (/srv/data))',
    want: { reads: ['ssh/', 'data'], writes: ['ssh/', 'data'] },
  },
  {
    name: 'of two things that must both hold, the rarer',
    condition: 'evt.type = openat and fd.name startswith /usr/lib and fd.filename = weird',
    want: { reads: ['eird'], writes: ['eird'] },
  },
  { name: 'a piece shorter than four bytes', condition: 'evt.type = openat and fd.name endswith .so', want: 'all' },
  {
    name: 'a path with `..` is told anyway',
    condition: 'evt.type = openat and fd.nameraw contains ../',
    want: { reads: [], writes: [] },
  },
  {
    name: 'what does not hold for a path',
    condition: 'evt.type = openat and not fd.name startswith /usr/share',
    want: 'all',
  },
  { name: 'a pattern', condition: 'evt.type = openat and fd.name regex /etc/shadow', want: 'all' },
  { name: 'another field', condition: 'evt.type = openat and fd.name = val(proc.exepath)', want: 'all' },
  { name: 'a changed path', condition: 'evt.type = openat and tolower(fd.name) = /etc/shadow', want: 'all' },
  {
    name: 'a program',
    condition: 'evt.type = openat and proc.name in (tar, rsync)',
    want: { reads: [], writes: [], programs: ['rsync', 'tar'] },
  },
  { name: 'other programs', condition: 'evt.type = openat and proc.name != tar', want: 'all' },
  { name: 'a program by a part of its name', condition: 'evt.type = openat and proc.name startswith ta', want: 'all' },
  { name: 'closes', condition: 'evt.type = close and fd.name = /etc/shadow', want: 'all' },
  { name: 'any event', condition: 'proc.name = tar', want: 'all' },
  {
    name: 'a later call on the file that asks for its name',
    condition: 'evt.type = fchmod and fd.name startswith /etc/x',
    want: 'all',
  },
  {
    name: 'a later call whose output has the name of the file',
    condition: 'evt.type = fchmod',
    output: '%evt.arg.fd',
    want: { reads: [], writes: [], named: ['fchmod'] },
  },
  {
    name: 'one whose output has the number of the fd',
    condition: 'evt.type = fchmod',
    output: '%fd.num',
    want: { reads: [], writes: [] },
  },
  {
    name: 'a later call that is about sockets',
    condition: 'evt.type in (dup, dup2, dup3) and fd.type in (ipv4, ipv6)',
    output: '%fd.name',
    want: { reads: [], writes: [] },
  },
  {
    name: 'a later call on what is not a socket',
    condition: 'evt.type = dup2 and fd.type != ipv4',
    output: '%fd.name',
    want: 'all',
  },
  { name: 'a call on two files', condition: 'evt.type = copy_file_range', output: '%fd.name', want: 'all' },
  {
    name: 'a call that may write to files, but is judged by what goes through sockets',
    condition: 'evt.type in (write, sendto) and tls.sni = dns.example',
    output: '%fd.name',
    want: { reads: [], writes: [] },
  },
  { name: 'what the whole process has open', condition: 'evt.type = execve and proc.fdopencount > 100', want: 'all' },
  { name: 'what a process reads from', condition: 'evt.type = execve', output: '%proc.stdin.name', want: 'all' },
]

for (const { name, condition, output, want } of cases) {
  test(`opens that may be left out: ${name}`, () => {
    const filter = openFilterOf(planOf([{ condition, ...(output !== undefined && { output }) }]).rules, '')
    const sorted = (set: ReadonlySet<string> | undefined): readonly string[] | undefined => set && [...set].sort()
    if (want === 'all') assert.equal(filter, undefined)
    else {
      assert.deepEqual(sorted(filter?.reads), want.reads && [...want.reads].sort())
      assert.deepEqual(sorted(filter?.writes), want.writes && [...want.writes].sort())
      assert.deepEqual(sorted(filter?.programs), want.programs ?? [])
      assert.deepEqual(sorted(filter?.namedCalls), want.named ?? [])
    }
  })
}

// ---------------------------------------------------------------- the same alerts with and without

/** What a program of the model does. Descriptors are numbers the model hands out as a kernel does: the least that is free. */
type Step =
  | {
      readonly kind: 'open'
      readonly call: 'open' | 'openat' | 'openat2'
      readonly path: string
      readonly flags: number
      readonly fails: boolean
    }
  | { readonly kind: 'close'; readonly pick: number }
  | { readonly kind: 'fchmod'; readonly pick: number }
  | { readonly kind: 'dup'; readonly pick: number }
  | { readonly kind: 'dup2'; readonly pick: number; readonly to: number }
  | { readonly kind: 'socket' | 'directory' | 'fork' }

interface OpenFile {
  readonly path: string
  readonly isFile: boolean
}

const WRITE_BITS = 2 | 4 | 8 | 16

/** Falco's open flags: read 1, write 2, create 4, append 8; as the kernel's filter sees them, an open only for reading has none but 1. */
const flagSets: readonly number[] = [1, 1, 1, 2, 3, 1 | 4, 2 | 4 | 16384]

/** The kernel's half of the filter, as `native/bpf/file-filter.h` has it. */
class KernelModel {
  readonly #filter: OpenOrders
  readonly #unknown = new Set<string>()

  constructor(filter: OpenOrders) {
    this.#filter = filter
  }

  isLeftOut(pid: number, path: string, flags: number, fd: number, isFile: boolean, program: string): boolean {
    const pieces = (flags & WRITE_BITS) === 0 ? this.#filter.reads : this.#filter.writes
    if (pieces === undefined || this.#filter.programs.has(program)) return false
    if (!path.startsWith('/') || path.includes('..') || path.includes('//') || /\/\.(\/|$)/.test(path)) return false
    if (/[^\x20-\x7e]/.test(path) || path.length > 254) return false
    for (let i = 0; i + 4 <= path.length; i++) if (pieces.has(path.slice(i, i + 4))) return false
    return fd < 0 || (isFile && this.#unknown.has(`${pid} ${fd}`))
  }

  isUnknown(pid: number, fd: number): boolean {
    return this.#unknown.has(`${pid} ${fd}`)
  }

  forget(pid: number, fd: number): void {
    this.#unknown.add(`${pid} ${fd}`)
  }

  know(pid: number, fd: number): void {
    this.#unknown.delete(`${pid} ${fd}`)
  }
}

/** An event for one of the two listeners, or both. */
interface Told {
  readonly name: string
  readonly tid: number
  readonly params: readonly Uint8Array[]
  /** The listener that is told everything, and the one with the filter. */
  readonly to: 'both' | 'all' | 'filtered'
  readonly isEarlierOpen?: boolean
}

const text = (value: string): Buffer => Buffer.from(`${value}\0`, 'latin1')

function openEvent(
  call: 'open' | 'openat' | 'openat2',
  fd: number,
  path: string,
  flags: number,
): readonly Uint8Array[] {
  const ids = [le(4, 7), le(8, 1000 + fd)]
  if (call === 'open') return [le(8, fd), text(path), le(4, flags), le(4, 0), ...ids]
  const head = [le(8, fd), le(8, -100), text(path), le(4, flags), le(4, 0)]
  return call === 'openat' ? [...head, ...ids] : [...head, le(4, 0), ...ids]
}

function* playOf(steps: readonly Step[], filter: OpenOrders): Iterable<Told> {
  const kernel = new KernelModel(filter)
  let pid = 100
  let files = new Map<number, OpenFile>()
  const free = (): number => {
    let fd = 3
    while (files.has(fd)) fd++
    return fd
  }
  const picked = (pick: number): number | undefined => [...files.keys()][pick % Math.max(1, files.size)]
  /** What is told anyway makes known what it made and what it was given. */
  const told = (name: string, params: readonly Uint8Array[], ...fds: number[]): Told => {
    for (const fd of fds) kernel.know(pid, fd)
    return { name, tid: pid, params, to: 'both' }
  }
  for (const step of steps) {
    switch (step.kind) {
      case 'open': {
        const fd = step.fails ? -2 : free()
        const program = pid % 2 === 0 ? 'reader' : 'writer'
        const isLeftOut = kernel.isLeftOut(pid, step.path, step.flags, fd, true, program)
        if (!isLeftOut) kernel.know(pid, fd)
        if (fd >= 0) files.set(fd, { path: step.path, isFile: true })
        const params = openEvent(step.call, fd, step.path, step.flags)
        yield { name: step.call, tid: pid, params, to: isLeftOut ? 'all' : 'both' }
        break
      }
      case 'directory': {
        const fd = free()
        files.set(fd, { path: '/some/where', isFile: false })
        yield told('openat', openEvent('openat', fd, '/some/where', 1 | 1024), fd)
        break
      }
      case 'socket': {
        const fd = free()
        files.set(fd, { path: '', isFile: false })
        yield told('socket', [le(8, fd), le(4, 2), le(4, 1), le(4, 0)], fd)
        break
      }
      case 'close': {
        const fd = picked(step.pick)
        if (fd === undefined) break
        files.delete(fd)
        const isLeftOut = kernel.isUnknown(pid, fd)
        kernel.forget(pid, fd)
        yield { name: 'close', tid: pid, params: [le(8, 0), le(8, fd)], to: isLeftOut ? 'all' : 'both' }
        break
      }
      case 'dup':
      case 'dup2': {
        const fd = picked(step.pick)
        if (fd === undefined) break
        const made = step.kind === 'dup2' ? step.to : free()
        files.set(made, files.get(fd)!)
        const params = [le(8, made), le(8, fd), ...(step.kind === 'dup2' ? [le(8, made)] : [])]
        yield told(step.kind, params, made, fd)
        break
      }
      case 'fchmod': {
        const fd = picked(step.pick)
        const file = fd === undefined ? undefined : files.get(fd)
        if (fd === undefined || file === undefined) break
        if (file.isFile && filter.namedCalls.has('fchmod')) {
          kernel.know(pid, fd)
          // The kernel tells where the file is, which for an absolute and plain path without links is what the open said.
          const params = [le(8, fd), le(8, -100), le(4, 1), text(file.path), le(4, 7), le(8, 1000 + fd)]
          yield { name: 'open_by_handle_at', tid: pid, params, to: 'filtered', isEarlierOpen: true }
        }
        yield told('fchmod', [le(8, 0), le(8, fd), le(4, 0o644)], fd)
        break
      }
      case 'fork':
        // The child has its parent's descriptors, and goes on in its place.
        // Events of forks let go of what the event before closed; the model's is none.
        yield { name: 'getuid', tid: pid, params: [le(4, 0)], to: 'both' }
        yield { name: 'fork-model', tid: pid, params: [le(8, pid + 1)], to: 'both' }
        files = new Map(files)
        pid++
        break
      default:
        step satisfies never
    }
  }
}

/** The alerts that a listener raises, as texts. */
function listen(plan: Plan, events: Iterable<Told>, listener: 'all' | 'filtered'): readonly string[] {
  const alerts: string[] = []
  const pipeline = new Pipeline({
    // Live, where what is unknown is asked for; here nothing is ever found.
    lookup: { process: () => undefined, fd: () => undefined },
    plan,
    fields: loadRules([], config).fields,
    ...plainSetup,
    names: new NameIndex({}),
    onAlert: alert => alerts.push(`${alert.rule.name} ${alert.text}`),
  })
  const record = createRecord()
  let ts = 1_700_000_000_000_000_000n
  const process = (tid: number, ptid: number): void => {
    const base = {
      tid,
      pid: tid,
      ptid,
      sid: 1,
      vpgid: 1,
      vtid: tid,
      vpid: tid,
      comm: tid % 2 === 0 ? 'reader' : 'writer',
    }
    const rest = {
      exe: 'x',
      exepath: '/x',
      args: [],
      env: [],
      cwd: '/work/',
      cgroups: [],
      root: '/',
      flags: 0,
      fdlimit: 0,
    }
    const ids = { uid: 0, gid: 0, vmSizeKb: 0, vmRssKb: 0, vmSwapKb: 0, pfMajor: 0, pfMinor: 0 }
    pipeline.sink.process({ ...base, ...rest, ...ids })
  }
  process(100, 1)
  for (const { name, tid, params, to, isEarlierOpen } of events) {
    ts += 1000n
    if (to !== 'both' && to !== listener) continue
    if (name === 'fork-model') {
      const parent = pipeline.state.threads.get(tid)!
      const fds = [...parent.fds.values()]
      process(tid + 1, tid)
      const child = pipeline.state.threads.get(tid + 1)!
      for (const fd of fds) child.fds.add(fd)
      continue
    }
    const bytes = encodeEvent(infoOf(name).code, params, { tid, ts })
    attachBytes(record, bytes)
    assert.equal(readRecord(record, 0, bytes.length), bytes.length)
    record.isEarlierOpen = isEarlierOpen === true
    pipeline.sink.event(record)
  }
  return alerts
}

const paths = [
  ...['/etc/shadow', '/etc/passwd', '/usr/lib/libc.so', '/home/a/.ssh/id_rsa', '/home/a/notes', '/data/x/y/z.conf'],
  ...[
    'relative',
    './here',
    '../up',
    '/etc/../etc/shadow',
    '/etc//shadow',
    '/etc/./shadow',
    '/etc/shadow/',
    '/etc/.',
    '/',
  ],
  ...[
    '/etc/sha\x01ow',
    '/etc/sha.ow',
    '/usr/lib/../../etc/shadow',
    `/long/${'x'.repeat(300)}/shadow`,
    '/etc/shadow-',
    '/.ssh',
  ],
]
const constants = [
  '/etc/shadow',
  'shadow',
  '/home/',
  '.ssh/',
  '/data/x',
  'notes',
  '/usr/lib/libc.so',
  '.conf',
  '/etc/sha.ow',
  'ow',
  '../',
]
const pick = <T>(items: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...items)
const quoted = (value: string): string => `"${value}"`

const pathAtoms: fc.Arbitrary<string> = fc
  .tuple(
    pick(['fd.name', 'fd.nameraw', 'fd.directory', 'fd.filename', 'fs.path.name', 'fs.path.nameraw', 'evt.arg.name']),
    pick(['=', 'startswith', 'endswith', 'contains', '!=']),
    pick(constants),
  )
  .map(([field, op, value]) => `${field} ${op} ${quoted(value)}`)
const atoms: fc.Arbitrary<string> = fc.oneof(
  pathAtoms,
  fc
    .tuple(pick(['in', 'pmatch', 'glob']), pick(constants), pick(constants))
    .map(([op, a, b]) => `fd.name ${op} ${op === 'glob' ? quoted(`*${a}*`) : `(${quoted(a)}, ${quoted(b)})`}`),
  pick([
    'evt.is_open_write = true',
    'evt.is_open_read = true',
    'evt.is_open_create = true',
    'evt.arg.flags contains O_CREAT',
  ]),
  pick(['proc.name = reader', 'proc.name in (writer, other)', 'proc.name != reader', 'fd.num >= 0', 'fd.typechar = f']),
  pick(['evt.failed = true', 'fd.type = file', 'fd.type in (ipv4, ipv6)', 'evt.type = openat', 'fd.num = 3']),
)
const conditions: fc.Arbitrary<string> = fc.letrec<{ expr: string }>(tie => ({
  expr: fc.oneof(
    { maxDepth: 3 },
    atoms,
    fc.tuple(tie('expr'), pick(['and', 'or']), tie('expr')).map(([a, op, b]) => `(${a} ${op} ${b})`),
    tie('expr').map(a => `not (${a})`),
  ),
})).expr
const rules = fc
  .tuple(
    pick([
      'evt.type in (open, openat, openat2)',
      'evt.type = fchmod',
      'evt.type in (dup, dup2)',
      'evt.type in (openat, fchmod)',
    ]),
    fc.oneof(
      conditions,
      fc.tuple(pathAtoms, pick(['and', 'or']), conditions).map(([a, op, b]) => `(${a} ${op} ${b})`),
    ),
    pick(['%fd.num %evt.type', '%fd.name %evt.type', '%evt.arg.fd %evt.res %fd.num']),
  )
  .map(([types, condition, output]) => ({ condition: `${types} and ${condition}`, output }))
const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('open' as const),
      call: pick(['open', 'openat', 'openat2'] as const),
      path: pick(paths),
      flags: pick(flagSets),
      fails: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('close' as const), pick: fc.nat(9) }) },
  fc.record({ kind: fc.constant('fchmod' as const), pick: fc.nat(9) }),
  fc.record({ kind: fc.constant('dup' as const), pick: fc.nat(9) }),
  fc.record({ kind: fc.constant('dup2' as const), pick: fc.nat(9), to: fc.integer({ min: 3, max: 6 }) }),
  pick([{ kind: 'socket' }, { kind: 'directory' }, { kind: 'fork' }] as const),
)

test('whatever the rules and whatever programs do, the alerts are the same with opens left out', () => {
  let leftOut = 0
  let alerts = 0
  fc.assert(
    fc.property(
      fc.array(rules, { minLength: 1, maxLength: 3 }),
      fc.array(steps, { minLength: 20, maxLength: 60 }),
      (some, play) => {
        const plan = planOf(some)
        const filter = openFilterOf(plan.rules, '')
        if (filter === undefined) return
        const events = [...playOf(play, filter)]
        leftOut += events.filter(event => event.to === 'all').length
        const all = listen(plan, events, 'all')
        alerts += all.length
        assert.deepEqual(listen(plan, events, 'filtered'), all)
      },
    ),
    { numRuns: 1200 },
  )
  assert.ok(leftOut > 100 && alerts > 40, `the test must leave out opens (${leftOut}) and raise alerts (${alerts})`)
})
