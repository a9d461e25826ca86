/**
 * A workload as a capture tells it, freed of what is of the moment (ids, addresses, times, names made by chance), so that two recordings of
 * it, by two probes and at two times, can be laid side by side: threads by their place in the process tree, each with its events.
 */
import type { EventRecord } from '../../src/events/event-record.ts'
import { paramToJson } from '../../src/events/ndjson/param-json.ts'
import { openSource } from '../../src/events/open-source.ts'
import { eventSink } from '../../src/events/testing.ts'

export interface RunEvent {
  readonly name: string
  readonly num: number
  /** What the process ran then: the name that it got with `execve`. */
  readonly program: string
  /** Parameters by name, as NDJSON has them. */
  readonly args: Readonly<Record<string, unknown>>
}

export interface RunThread {
  readonly tid: number
  parent: RunThread | undefined
  isThread: boolean
  /** The name of the program that it runs now. */
  program: string
  /** Paths of the programs that it became, one after the other. */
  readonly programs: string[]
  readonly children: RunThread[]
  readonly events: RunEvent[]
  ended: boolean
  /** Its id as its own namespace counts, where ids do not begin anew while a workload runs. */
  ownId: number
}

const CLONES: ReadonlySet<string> = new Set(['clone', 'clone3', 'fork', 'vfork'])

/** The threads of the process tree that begins with `timeout … bash run.NAME`. */
export async function readRun(path: string, name: string): Promise<RunThread> {
  const now = new Map<number, RunThread>()
  let root: RunThread | undefined
  const begin = (tid: number): RunThread => {
    const thread: RunThread = {
      tid,
      parent: undefined,
      isThread: false,
      program: '',
      programs: [],
      children: [],
      events: [],
      ended: false,
      ownId: 0,
    }
    now.set(tid, thread)
    return thread
  }
  const source = await openSource(path)
  const summary = await source.read(
    eventSink(record => {
      if (record.tid <= 0) return
      const { name: event } = record.info
      const args = keepArgs(record)
      let thread = now.get(record.tid)
      const isChild = CLONES.has(event) && args['res'] === 0
      if (thread === undefined || thread.ended || (isChild && thread.events.length > 0)) thread = begin(record.tid)
      if (isChild) {
        const { pid, ptid, comm, vtid } = args
        thread.ownId = Number(vtid)
        thread.isThread = pid !== record.tid
        const parent = now.get(Number(thread.isThread ? pid : ptid))
        // A process is the child of a process, whichever of its threads made it.
        thread.parent = parent?.isThread === true ? parent.parent : parent
        thread.parent?.children.push(thread)
        thread.program = thread.parent?.program ?? String(comm)
      }
      thread.events.push({ name: event, num: record.num, program: thread.program, args })
      if (event === 'execve' && args['res'] === 0) {
        thread.programs.push(String(args['filename']))
        thread.program = String(args['comm'])
        const list = args['args']
        if (root === undefined && Array.isArray(list) && list.includes(`run.${name}`)) root = thread
      }
      if (event === 'procexit') thread.ended = true
    }),
  )
  if (summary.error !== undefined) throw new Error(summary.error.message)
  if (root === undefined) throw new Error(`${path} has no process that runs run.${name}`)
  return root
}

function keepArgs(record: EventRecord): Readonly<Record<string, unknown>> {
  const args: Record<string, unknown> = {}
  for (const [i, param] of record.info.params.entries()) args[param.name] = paramToJson(record, i)
  return args
}
