import { paramInt64, paramText } from '../events/decode-record.ts'
import type { EventContext } from '../state/event-context.ts'
import { FdType } from '../state/fd.ts'
import { joinPath } from '../state/path.ts'
import type { ByteText } from '../values/value.ts'
import { parsedDirectory } from './at-paths.ts'
import { exitCode } from './event-codes.ts'
import { fdNameOf } from './fd-fields.ts'
import type { Field, Reader } from './field.ts'

/*
 * Paths of file system calls under one name each, whatever their arguments are called (libsinsp sinsp_filtercheck_fspath.cpp). Only
 * calls that succeeded have them.
 */

/** What a relative path is relative to. */
type Base =
  /** The working directory. */
  | 'cwd'
  /** The event's own fd; it must be known as a directory. */
  | 'fd'
  /** The directory fd in that parameter. */
  | { readonly dirfd: number }
  /** Nothing: Falco leaves the target of a symlinkat unresolved. */
  | 'unknown'
  /** The path is already that of the fd that the call made. */
  | 'opened'

interface PathSource {
  /** Position of the path, or 'fd' for the name of the event's fd. */
  readonly param: number | 'fd'
  readonly base: Base
}

interface PathCall {
  readonly name?: PathSource
  readonly source?: PathSource
  readonly target?: PathSource
  /** The first parameter is an fd: anything but −1 counts as success, as Falco has it. */
  readonly givesFd?: true
}

function one(param: number | 'fd', base: Base = 'cwd'): PathCall {
  return { name: { param, base } }
}

function two(source: PathSource, target: PathSource): PathCall {
  return { source, target }
}

const CALLS: readonly (readonly [name: string, call: PathCall])[] = [
  ['mkdir', one(1)],
  ['mkdirat', one(2, 'fd')],
  ['rmdir', one(1)],
  ['unlink', one(1)],
  ['unlinkat', one(2, 'fd')],
  ['open', { ...one(1, 'opened'), givesFd: true }],
  ['openat', { ...one(2, 'opened'), givesFd: true }],
  ['openat2', { ...one(2, 'opened'), givesFd: true }],
  ['fchmodat', one(2, 'fd')],
  ['chmod', one(1)],
  ['fchmod', one('fd')],
  ['chown', one(1)],
  ['lchown', one(1)],
  ['fchown', one('fd')],
  ['fchownat', one(2, 'fd')],
  ['quotactl', one(1)],
  ['umount', one(1)],
  ['umount2', one(1)],
  ['rename', two({ param: 1, base: 'cwd' }, { param: 2, base: 'cwd' })],
  ['renameat', two({ param: 2, base: { dirfd: 1 } }, { param: 4, base: { dirfd: 3 } })],
  ['renameat2', two({ param: 2, base: { dirfd: 1 } }, { param: 4, base: { dirfd: 3 } })],
  ['link', two({ param: 2, base: 'cwd' }, { param: 1, base: 'cwd' })],
  ['linkat', two({ param: 4, base: { dirfd: 3 } }, { param: 2, base: { dirfd: 1 } })],
  ['symlink', two({ param: 2, base: 'cwd' }, { param: 1, base: 'cwd' })],
  ['symlinkat', two({ param: 3, base: 'fd' }, { param: 1, base: 'unknown' })],
  ['mount', two({ param: 1, base: 'cwd' }, { param: 2, base: 'cwd' })],
]

const calls: ReadonlyMap<number, PathCall> = new Map(CALLS.map(([name, call]) => [exitCode(name), call]))

type Side = 'name' | 'source' | 'target'

/** Where the event has its path of that side; undefined for other events and for calls that failed. */
function sourceOf(ctx: EventContext, side: Side): PathSource | undefined {
  const call = calls.get(ctx.rec.type)
  const source = call?.[side]
  if (source === undefined) return undefined
  const result = paramInt64(ctx.rec, 0)
  if (result === undefined) return undefined
  return (call?.givesFd === true ? result !== -1 : result === 0) ? source : undefined
}

function rawPath(ctx: EventContext, { param }: PathSource): ByteText | undefined {
  return param === 'fd' ? fdNameOf(ctx) : (paramText(ctx.rec, param) ?? '<NA>')
}

function directoryFd(ctx: EventContext): ByteText {
  const fd = ctx.fd
  if (fd === undefined || fd.type !== FdType.directory) return '<UNKNOWN>'
  return fd.name.endsWith('/') ? fd.name : `${fd.name}/`
}

function baseText(ctx: EventContext, base: Base): ByteText {
  switch (base) {
    case 'cwd':
    case 'opened':
      return ctx.thread === undefined ? '' : ctx.machine.cwdOf(ctx.thread)
    case 'fd':
      return directoryFd(ctx)
    case 'unknown':
      return '<UNKNOWN>'
    default:
      return parsedDirectory(ctx, Number(paramInt64(ctx.rec, base.dirfd) ?? -100))
  }
}

function resolvedPath(ctx: EventContext, source: PathSource): ByteText | undefined {
  const path = rawPath(ctx, source)
  if (path === undefined || ctx.thread === undefined) return undefined
  if (path.startsWith('/')) return joinPath('', path)
  if (source.base === 'opened') return ctx.fd?.name
  return joinPath(baseText(ctx, source.base), path)
}

function bindPath(side: Side, read: (ctx: EventContext, source: PathSource) => ByteText | undefined): () => Reader {
  return () => ctx => {
    const source = sourceOf(ctx, side)
    return source === undefined ? undefined : read(ctx, source)
  }
}

function pathFields(side: Side, what: string): Field[] {
  return [
    {
      name: `fs.path.${side}`,
      group: 'fs.path',
      type: 'CHARBUF',
      arg: 'none',
      doc: `${what}, absolute. No value when the call failed.`,
      bind: bindPath(side, resolvedPath),
    },
    {
      name: `fs.path.${side}raw`,
      group: 'fs.path',
      type: 'CHARBUF',
      arg: 'none',
      doc: `${what}, as the program gave it. No value when the call failed.`,
      bind: bindPath(side, rawPath),
    },
  ]
}

/** Paths that file system calls worked on. */
export const fsPathFields: readonly Field[] = [
  ...pathFields('name', 'Path of a call on one path: open, mkdir, unlink, chmod, chown, umount, …'),
  ...pathFields(
    'source',
    'Source of a call on two paths: the old name of rename, the new name of link and symlink, the device of mount',
  ),
  ...pathFields(
    'target',
    'Target of a call on two paths: the new name of rename, what link and symlink point to, the directory of mount',
  ),
]
