import { paramInt64, paramText } from '../events/decode-record.ts'
import type { EventContext } from '../state/event-context.ts'
import { joinPath } from '../state/path.ts'
import type { ByteText } from '../values/value.ts'
import { exitCode } from './event-codes.ts'

/*
 * Paths of the system calls that take a directory fd, as libsinsp's `evt.abspath` makes them.
 */

const AT_FDCWD = -100

export type PathSide = 'src' | 'dst'

/** Positions of the directory fd and the path of each side; the source is also what is asked for without a side. */
interface PathParams {
  readonly src?: readonly [dirfd: number, path: number]
  readonly dst?: readonly [dirfd: number, path: number]
}

const twoPaths: PathParams = { src: [1, 2], dst: [3, 4] }
const onePath: PathParams = { src: [1, 2], dst: [1, 2] }

const pathParams: ReadonlyMap<number, PathParams> = new Map([
  [exitCode('renameat'), twoPaths],
  [exitCode('renameat2'), twoPaths],
  [exitCode('linkat'), twoPaths],
  [exitCode('symlinkat'), { src: [2, 3], dst: [2, 3] }],
  [exitCode('openat'), onePath],
  [exitCode('openat2'), onePath],
  [exitCode('unlinkat'), onePath],
  [exitCode('mkdirat'), onePath],
  [exitCode('fchmodat'), onePath],
  [exitCode('fchownat'), onePath],
])

const OPEN_BY_HANDLE_AT: number = exitCode('open_by_handle_at')

/** The absolute path of the event's call; undefined for other calls and when the path is not in the event. */
export function absolutePath(ctx: EventContext, side: PathSide | undefined): ByteText | undefined {
  const { rec, thread } = ctx
  if (thread === undefined) return undefined
  if (rec.type === OPEN_BY_HANDLE_AT) {
    const path = paramText(rec, 3)
    return Number(paramInt64(rec, 0) ?? -1) > 0 && path !== undefined ? joinPath('', path) : undefined
  }
  const params = pathParams.get(rec.type)?.[side ?? 'src']
  if (params === undefined) return undefined
  const dirfd = paramInt64(rec, params[0])
  const path = paramText(rec, params[1])
  if (dirfd === undefined || path === undefined) return undefined
  return joinPath(path.startsWith('/') ? '' : directoryBase(ctx, Number(dirfd)), path)
}

/** What a relative path is relative to, ending in `/`. */
function directoryBase(ctx: EventContext, dirfd: number): ByteText {
  const thread = ctx.thread!
  if (dirfd === AT_FDCWD) return ctx.machine.cwdOf(thread)
  const fd = ctx.machine.fdsOf(thread)?.peek(dirfd)
  return fd === undefined ? '<UNKNOWN>/' : `${fd.name}/`
}

/**
 * What a relative path of a call is relative to, as libsinsp's parser has it (`parse_dirfd`): the working directory, the directory fd's
 * path ending in `/`, or the literal `<UNKNOWN>`, to which the path is appended without a slash.
 */
export function parsedDirectory(ctx: EventContext, dirfd: number): ByteText {
  const thread = ctx.thread
  if (thread === undefined) return '<UNKNOWN>'
  if (dirfd === AT_FDCWD) return ctx.machine.cwdOf(thread)
  const name = ctx.machine.fdsOf(thread)?.peek(dirfd)?.name
  if (name === undefined) return '<UNKNOWN>'
  return name === '' || name.endsWith('/') ? name : `${name}/`
}
