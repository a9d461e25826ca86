import type { EventContext } from '../state/event-context.ts'
import type { Thread } from '../state/thread.ts'
import type { ByteText } from '../values/value.ts'

/*
 * Who is whose parent, leader and reader of which text. A hostile capture may tie parents into a loop, so no chain is followed further
 * than a real one goes.
 */

const MAX_DEPTH = 256

/** The ancestor `level` steps above the thread's process: 0 is the process itself, 1 its parent. */
export function ancestor(ctx: EventContext, level: number): Thread | undefined {
  let thread = ctx.thread?.main
  for (let i = 0; i < level && thread !== undefined; i++) {
    if (i >= MAX_DEPTH) return undefined
    thread = ctx.machine.parentOf(thread)
  }
  return thread
}

/** Calls `visit` for each ancestor, nearest first, until it answers false. */
export function visitAncestors(ctx: EventContext, from: Thread, visit: (thread: Thread) => boolean): void {
  let thread = ctx.machine.parentOf(from)
  for (let i = 0; i < MAX_DEPTH && thread !== undefined && thread !== from; i++) {
    if (!visit(thread)) return
    thread = ctx.machine.parentOf(thread)
  }
}

/** The parent of the thread that made the event. */
export function parent(ctx: EventContext): Thread | undefined {
  return ctx.thread === undefined ? undefined : ctx.machine.parentOf(ctx.thread)
}

/**
 * The leader of a session or process group: the process whose pid is the id, where ids are those of the host; else the highest of the
 * ancestors above that have the same id without a gap. Undefined when there is none.
 */
function leader(
  ctx: EventContext,
  idOf: (thread: Thread) => number,
  areHostIds: (thread: Thread) => boolean,
): Thread | undefined {
  const thread = ctx.thread
  if (thread === undefined) return undefined
  const id = idOf(thread)
  if (id === -1) return undefined
  if (areHostIds(thread)) {
    const process = ctx.machine.threads.get(id)
    if (process !== undefined) return process
  }
  let highest: Thread | undefined
  visitAncestors(ctx, thread, above => {
    if (idOf(above) !== id) return false
    highest = above
    return true
  })
  return highest
}

const outsideNamespaces = (thread: Thread): boolean => !thread.isInPidNamespace

/** The leader of the thread's session. */
export function sessionLeader(ctx: EventContext): Thread | undefined {
  return leader(ctx, thread => thread.sid, outsideNamespaces)
}

/** The leader of the thread's process group, by the group's id inside the PID namespace. */
export function virtualGroupLeader(ctx: EventContext): Thread | undefined {
  return leader(ctx, thread => thread.vpgid, outsideNamespaces)
}

/** The leader of the thread's process group, by the group's id on the host. */
export function groupLeader(ctx: EventContext): Thread | undefined {
  return leader(
    ctx,
    thread => thread.pgid,
    () => true,
  )
}

/** `proc.args`: the arguments without the first, blank-separated. */
export function argsOf(thread: Thread): ByteText {
  let text = thread.argsText
  if (text === undefined) {
    text = thread.args.join(' ')
    thread.argsText = text
  }
  return text
}

/** `proc.cmdline`: the program's name and its arguments. */
export function cmdlineOf(thread: Thread): ByteText {
  let text = thread.cmdlineText
  if (text === undefined) {
    text = thread.args.length === 0 ? thread.comm : `${thread.comm} ${argsOf(thread)}`
    thread.cmdlineText = text
  }
  return text
}

/** `proc.exeline`: argv[0] and the other arguments. */
export function exelineOf(thread: Thread): ByteText {
  let text = thread.exelineText
  if (text === undefined) {
    text = `${thread.exe} ${argsOf(thread)}`
    thread.exelineText = text
  }
  return text
}

/** `proc.env`: the environment, blank-separated. */
export function envTextOf(ctx: EventContext, thread: Thread): ByteText {
  const main = thread.main ?? thread
  let text = main.envText
  if (text === undefined) {
    text = ctx.machine.envOf(thread).join(' ')
    main.envText = text
  }
  return text
}

/** The value of one environment variable without blanks around it; `''` when it is not set. */
export function envVariable(ctx: EventContext, thread: Thread, name: string): ByteText {
  for (const item of ctx.machine.envOf(thread)) {
    if (item.length > name.length && item.charCodeAt(name.length) === 0x3d && item.startsWith(name)) {
      return item.slice(name.length + 1).replace(/^ +| +$/g, '')
    }
  }
  return ''
}
