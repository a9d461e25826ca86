/** Lays two recordings of a workload side by side and gives what differs, event by event. */
import type { RunEvent, RunThread } from './recorded-run.ts'

export interface RunDifference {
  /** Programs from the first to the thread's own, `>` between. */
  readonly role: string
  /** The program that the thread runs when the event happens: the last part of its path, or the thread's name. */
  readonly program: string
  readonly event: string
  /** The parameter; `event` when one side has no such event, `thread` when it has no such thread. */
  readonly key: string
  readonly want: string
  readonly got: string
}

interface Line {
  readonly event: RunEvent
  readonly program: string
  readonly args: Readonly<Record<string, string>>
  readonly text: string
}

export interface CompareOptions {
  /** Parameters by name, or undefined for an event that is not compared. */
  readonly normalise: (event: RunEvent, thread: RunThread) => Readonly<Record<string, string>> | undefined
  /**
   * What an event of this program says when it is compared without order and number, only with what kinds there are; undefined for a program
   * whose events are compared one by one.
   */
  readonly shape: (program: string, event: string, args: Readonly<Record<string, string>>) => string | undefined
}

/** Every difference between Falco's recording and ours. */
export function compareRuns(want: RunThread, got: RunThread, options: CompareOptions): RunDifference[] {
  const differences: RunDifference[] = []
  const shapes = { want: new Map<string, Line>(), got: new Map<string, Line>() }
  compareThread(want, got, nameOf(want), options, shapes, differences)
  for (const [side, other] of [
    ['want', 'got'],
    ['got', 'want'],
  ] as const) {
    for (const [shape, { event, program }] of shapes[side]) {
      if (shapes[other].has(shape)) continue
      const difference = { role: program, program, event: event.name, key: 'shape', want: 'none', got: 'none' }
      differences.push({ ...difference, [side]: shape.slice(program.length + 1) })
    }
  }
  return differences
}

interface Shapes {
  readonly want: Map<string, Line>
  readonly got: Map<string, Line>
}

function nameOf(thread: RunThread): string {
  const program = thread.programs.at(-1)
  return program === undefined ? (thread.isThread ? 'thread' : 'fork') : program.slice(program.lastIndexOf('/') + 1)
}

/** Children of a kind, in the order of their birth. */
function signature(thread: RunThread): string {
  if (thread.isThread) return 'thread'
  return thread.programs.map(path => path.replace(/\/wl\.\w+\//, '/wl/')).join(' ')
}

function compareThread(
  want: RunThread,
  got: RunThread,
  role: string,
  options: CompareOptions,
  shapes: Shapes,
  differences: RunDifference[],
): void {
  compareEvents(lines(want, options, shapes.want), lines(got, options, shapes.got), role, differences)
  const rest = new Map<string, RunThread[]>()
  for (const child of got.children.toSorted((a, b) => a.ownId - b.ownId)) {
    const kind = signature(child)
    rest.set(kind, [...(rest.get(kind) ?? []), child])
  }
  for (const child of want.children.toSorted((a, b) => a.ownId - b.ownId)) {
    const kind = signature(child)
    const mine = rest.get(kind)?.shift()
    const childRole = `${role} > ${nameOf(child)}`
    if (mine === undefined)
      differences.push({ role: childRole, program: nameOf(child), event: '', key: 'thread', want: kind, got: 'none' })
    else compareThread(child, mine, childRole, options, shapes, differences)
  }
  for (const child of [...rest.values()].flat()) {
    const childRole = `${role} > ${nameOf(child)}`
    differences.push({
      role: childRole,
      program: nameOf(child),
      event: '',
      key: 'thread',
      want: 'none',
      got: signature(child),
    })
  }
}

/** The events that are compared one by one; the others leave their shapes. */
function lines(thread: RunThread, options: CompareOptions, shapes: Map<string, Line>): Line[] {
  const out: Line[] = []
  for (const event of thread.events) {
    const { program } = event
    const args = options.normalise(event, thread)
    if (args === undefined) continue
    const line = { event, program, args, text: `${event.name} ${JSON.stringify(args)}` }
    const shape = options.shape(program, event.name, args)
    if (shape === undefined) out.push(line)
    else shapes.set(`${program} ${shape}`, line)
  }
  return out
}

function compareEvents(want: readonly Line[], got: readonly Line[], role: string, out: RunDifference[]): void {
  for (const [from, to] of hunks(
    want.map(l => l.text),
    got.map(l => l.text),
  )) {
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
        out.push({ role, program: line.program, event: line.event.name, key: 'event', want: line.text, got: 'none' })
        continue
      }
      const other = mine[j]!
      for (const key of new Set([...Object.keys(line.args), ...Object.keys(other.args)])) {
        if (line.args[key] === other.args[key]) continue
        const { program } = line
        out.push({
          role,
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
        out.push({ role, program: line.program, event: line.event.name, key: 'event', want: 'none', got: line.text })
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
export function align(want: readonly string[], got: readonly string[]): (readonly [number, number])[] {
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
