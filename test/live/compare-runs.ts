/** Lays two recordings of a workload side by side and gives what differs, event by event. */
import type { RunEvent, RunThread } from './recorded-run.ts'

export interface RunDifference {
  /** The program that runs when the event happens, by the name that `execve` gave it; '' for what is about all. */
  readonly program: string
  readonly event: string
  /**
   * The parameter; `event` when one side has no such event at that place, `thread` when it has no such thread, `form` when it never tells
   * such an event with those parameters empty, `type` when it never tells such an event at all.
   */
  readonly key: string
  readonly want: string
  readonly got: string
}

type Arguments = Readonly<Record<string, string>>

export interface CompareOptions {
  /** Parameters by name. */
  readonly normalise: (event: RunEvent, thread: RunThread) => Arguments
  /** Whether the events of a program are laid side by side, one by one. Of all events the types and forms are compared. */
  readonly isOrdered: (program: string, event: string) => boolean
}

interface Line {
  readonly event: RunEvent
  readonly program: string
  readonly args: Arguments
  readonly text: string
  readonly form: string
}

/** How often one side tells an event of a type, and of a form. */
interface Tally {
  readonly types: Map<string, number>
  /** Forms by type and outcome. */
  readonly forms: Map<string, Map<string, number>>
}

/** Fewer may be chance. */
const SEEN_OFTEN = 3
/** Of how many events of a type one side may have more: who waits for whom, and how often, is of the moment. */
const MORE_AT_LEAST = 20
const MORE_SHARE = 0.15

/** Every difference between Falco's recording and ours. */
export function compareRuns(want: RunThread, got: RunThread, options: CompareOptions): RunDifference[] {
  const tallies = { want: emptyTally(), got: emptyTally() }
  const differences: RunDifference[] = []
  compareThread(want, got, options, tallies, differences)
  const rest = withoutChance(differences, tallies.want, tallies.got)
  return [...rest, ...compareTallies(tallies.want, tallies.got)]
}

function emptyTally(): Tally {
  return { types: new Map(), forms: new Map() }
}

function count(tally: Tally, line: Line): void {
  const type = typeOf(line)
  tally.types.set(type, (tally.types.get(type) ?? 0) + 1)
  const key = outcomeOf(line)
  const forms = tally.forms.get(key) ?? new Map<string, number>()
  tally.forms.set(key, forms.set(line.form, (forms.get(line.form) ?? 0) + 1))
}

/** Calls without an event of their own differ by their name. */
function typeOf({ event, args }: Line): string {
  return event.name === 'syscall' ? `syscall ${args['ID']}` : event.name
}

function outcomeOf(line: Line): string {
  const [result = ''] = Object.values(line.args)
  const outcome = result.startsWith('-') ? 'failed' : result === '0' ? '0' : 'done'
  return `${typeOf(line)} ${outcome}`
}

/** Which parameters are empty; the directory of a program is a known difference, told where events are laid side by side. */
function formOf(args: Arguments): string {
  return Object.entries(args)
    .filter(([name]) => name !== 'cwd')
    .map(([name, value]) => (value === 'null' ? `${name}=null` : name))
    .join(' ')
}

/** Leaves out events of one side only, where the other tells such events in that form, too, and not many fewer. */
function withoutChance(differences: readonly RunDifference[], want: Tally, got: Tally): RunDifference[] {
  const byType = new Map<string, number>()
  const oneSided = differences.filter(difference => difference.key === 'event')
  for (const { event } of oneSided) byType.set(event, (byType.get(event) ?? 0) + 1)
  return differences.filter(({ key, event }) => {
    if (key !== 'event') return true
    const both = Math.min(sum(want, event), sum(got, event))
    return both === 0 || (byType.get(event) ?? 0) > Math.max(MORE_AT_LEAST, both * MORE_SHARE)
  })
}

function sum(tally: Tally, event: string): number {
  let all = 0
  for (const [type, times] of tally.types) if (type === event || type.startsWith(`${event} `)) all += times
  return all
}

function compareTallies(want: Tally, got: Tally): RunDifference[] {
  const differences: RunDifference[] = []
  for (const type of new Set([...want.types.keys(), ...got.types.keys()])) {
    const [first, second] = [want.types.get(type) ?? 0, got.types.get(type) ?? 0]
    if (Math.min(first, second) > 0 || Math.max(first, second) < SEEN_OFTEN) continue
    differences.push({ program: '', event: type, key: 'type', want: `${first} times`, got: `${second} times` })
  }
  for (const [key, forms] of want.forms) {
    const others = got.forms.get(key)
    if (others === undefined) continue
    const event = key.slice(0, key.lastIndexOf(' '))
    for (const form of new Set([...forms.keys(), ...others.keys()])) {
      const [first, second] = [forms.get(form) ?? 0, others.get(form) ?? 0]
      if (Math.min(first, second) > 0) continue
      const told = `${key}: ${form}`
      differences.push({
        program: '',
        event,
        key: 'form',
        want: first > 0 ? told : 'none',
        got: second > 0 ? told : 'none',
      })
    }
  }
  return differences
}

/** The program that a process became last; of a thread, that of its process. */
function nameOf(thread: RunThread): string {
  const program = (thread.isThread ? thread.parent : thread)?.programs.at(-1)
  return program === undefined ? 'fork' : program.slice(program.lastIndexOf('/') + 1)
}

/** Children of a kind, in the order of their birth. */
function signature(thread: RunThread): string {
  if (thread.isThread) return 'thread'
  return thread.programs.map(path => path.replace(/\/wl\.\w+\//, '/wl/')).join(' ')
}

function compareThread(
  want: RunThread,
  got: RunThread,
  options: CompareOptions,
  tallies: { readonly want: Tally; readonly got: Tally },
  differences: RunDifference[],
): void {
  compareEvents(lines(want, options, tallies.want), lines(got, options, tallies.got), differences)
  const rest = new Map<string, RunThread[]>()
  for (const child of byBirth(got)) {
    const kind = signature(child)
    rest.set(kind, [...(rest.get(kind) ?? []), child])
  }
  for (const child of byBirth(want)) {
    const kind = signature(child)
    const mine = rest.get(kind)?.shift()
    if (mine !== undefined) compareThread(child, mine, options, tallies, differences)
    else differences.push({ program: nameOf(child), event: '', key: 'thread', want: kind, got: 'none' })
  }
  for (const child of [...rest.values()].flat())
    differences.push({ program: nameOf(child), event: '', key: 'thread', want: 'none', got: signature(child) })
}

function byBirth(thread: RunThread): readonly RunThread[] {
  return thread.children.toSorted((a, b) => a.ownId - b.ownId)
}

/** The events that are compared one by one. */
function lines(thread: RunThread, options: CompareOptions, tally: Tally): Line[] {
  const out: Line[] = []
  for (const event of thread.events) {
    const args = options.normalise(event, thread)
    const { program } = event
    const line = { event, program, args, text: `${event.name} ${JSON.stringify(args)}`, form: formOf(args) }
    count(tally, line)
    if (options.isOrdered(program, event.name)) out.push(line)
  }
  return out
}

/** What a program does with each entry of a directory that it reads, in the order that the file system gives them in. */
const WALKED: ReadonlySet<string> = new Set(['newfstatat', 'openat', 'close', 'getdents64', 'readlinkat', 'readlink'])

/**
 * Of a thread that reads directories, leaves out what both have and only the order tells apart: each file system gives the entries in an order
 * of its own.
 */
function withoutWalked(want: readonly Line[], got: readonly Line[]): readonly [readonly Line[], readonly Line[]] {
  if (!want.some(isListing) || !got.some(isListing)) return [want, got]
  const apart = apartOf(want, got)
  const theirs = new Map<string, Line[]>()
  for (const line of apart.flatMap(([from]) => want.slice(...from)))
    if (WALKED.has(line.event.name)) theirs.set(line.text, [...(theirs.get(line.text) ?? []), line])
  const alike = new Set<Line>()
  for (const line of apart.flatMap(([, to]) => got.slice(...to))) {
    const other = theirs.get(line.text)?.pop()
    if (other !== undefined) alike.add(line).add(other)
  }
  return [want.filter(line => !alike.has(line)), got.filter(line => !alike.has(line))]
}

const isListing = ({ event }: Line): boolean => event.name === 'getdents64'

const apartOf = (want: readonly Line[], got: readonly Line[]): (readonly [Range, Range])[] =>
  hunks(
    want.map(l => l.text),
    got.map(l => l.text),
  )

function compareEvents(allWant: readonly Line[], allGot: readonly Line[], out: RunDifference[]): void {
  const [want, got] = withoutWalked(allWant, allGot)
  for (const [from, to] of apartOf(want, got)) {
    const mine = got.slice(...to)
    const theirs = want.slice(...from)
    const pairs = align(
      theirs.map(l => l.event.name),
      mine.map(l => l.event.name),
    )
    const paired = new Set(pairs.map(([, j]) => j))
    const partner = new Map(pairs)
    for (const [i, line] of theirs.entries()) {
      const j = partner.get(i)
      if (j === undefined) {
        out.push({ program: line.program, event: line.event.name, key: 'event', want: line.text, got: 'none' })
        continue
      }
      const other = mine[j]!
      for (const key of new Set([...Object.keys(line.args), ...Object.keys(other.args)])) {
        if (line.args[key] === other.args[key]) continue
        const { program } = line
        out.push({
          program,
          event: line.event.name,
          key,
          want: line.args[key] ?? 'none',
          got: other.args[key] ?? 'none',
        })
      }
    }
    for (const [j, line] of mine.entries()) {
      if (!paired.has(j))
        out.push({ program: line.program, event: line.event.name, key: 'event', want: 'none', got: line.text })
    }
  }
}

type Range = readonly [number, number]

/** Ranges of both that are not the same. */
function hunks(want: readonly string[], got: readonly string[]): (readonly [Range, Range])[] {
  const out: (readonly [Range, Range])[] = []
  let i = 0
  let j = 0
  for (const [a, b] of [...align(want, got), [want.length, got.length] as const]) {
    if (a > i || b > j)
      out.push([
        [i, a],
        [j, b],
      ])
    i = a + 1
    j = b + 1
  }
  return out
}

/** A longest common subsequence, as pairs of indices (Myers' greedy algorithm). */
function align(want: readonly string[], got: readonly string[]): (readonly [number, number])[] {
  let start = 0
  while (start < want.length && start < got.length && want[start] === got[start]) start++
  let wantEnd = want.length
  let gotEnd = got.length
  while (wantEnd > start && gotEnd > start && want[wantEnd - 1] === got[gotEnd - 1]) {
    wantEnd--
    gotEnd--
  }
  const pairs: (readonly [number, number])[] = []
  for (let i = 0; i < start; i++) pairs.push([i, i])
  const n = wantEnd - start
  const m = gotEnd - start
  const reach = new Map<number, number>([[1, 0]])
  const trace: Map<number, number>[] = []
  search: for (let d = 0; d <= n + m; d++) {
    trace.push(new Map(reach))
    for (let k = -d; k <= d; k += 2) {
      const down = k === -d || (k !== d && (reach.get(k - 1) ?? -1) < (reach.get(k + 1) ?? -1))
      let x = down ? (reach.get(k + 1) ?? 0) : (reach.get(k - 1) ?? 0) + 1
      while (x < n && x - k < m && want[start + x] === got[start + x - k]) x++
      reach.set(k, x)
      if (x >= n && x - k >= m) break search
    }
  }
  const middle: (readonly [number, number])[] = []
  let x = n
  let y = m
  for (let d = trace.length - 1; d >= 0; d--) {
    const before = trace[d]!
    const k = x - y
    const down = k === -d || (k !== d && (before.get(k - 1) ?? -1) < (before.get(k + 1) ?? -1))
    const fromK = down ? k + 1 : k - 1
    const fromX = before.get(fromK) ?? 0
    const fromY = fromX - fromK
    while (x > fromX && y > fromY && x > 0 && y > 0) {
      x--
      y--
      middle.push([start + x, start + y])
    }
    if (d === 0) break
    x = fromX
    y = fromY
  }
  pairs.push(...middle.reverse())
  for (let i = 0; i < want.length - wantEnd; i++) pairs.push([wantEnd + i, gotEnd + i])
  return pairs
}
