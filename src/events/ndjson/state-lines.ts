/**
 * The state before the events as JSON objects: `{"kind": "process", …}` and so on, with the members of the entries in `source.ts` under
 * their names. What is left out has its default.
 */
import { parseIp, renderIp } from '../../values/ip.ts'
import type { ByteText, Ip } from '../../values/value.ts'
import type { FdEntry, InterfaceEntry, MachineInfo, ProcessEntry, SourceSink } from '../source.ts'
import {
  type JsonObject,
  jsonToInteger,
  jsonToText,
  member,
  narrowInteger,
  numberToJson,
  textToJson,
} from './json-values.ts'

/** What is wrong with a line, lower case. */
class LineError extends Error {}

// ---------------------------------------------------------------- JSON → entries

/** Reads members of one line; a wrong one throws `LineError`, which stays in this file. */
class Members {
  private readonly line: JsonObject

  constructor(line: JsonObject) {
    this.line = line
  }

  has(key: string): boolean {
    const value = member(this.line, key)
    return value !== undefined && value !== null
  }

  integer(key: string, fallback: number | bigint): number | bigint {
    if (!this.has(key)) return fallback
    const value = jsonToInteger(member(this.line, key))
    if (value === undefined) throw new LineError(`\`${key}\` is no whole number`)
    return narrowInteger(value)
  }

  number(key: string, fallback: number): number {
    return Number(this.integer(key, fallback))
  }

  required(key: string): number {
    if (!this.has(key)) throw new LineError(`\`${key}\` is missing`)
    return this.number(key, 0)
  }

  text(key: string, fallback: ByteText = ''): ByteText {
    if (!this.has(key)) return fallback
    const value = jsonToText(member(this.line, key))
    if (value === undefined) throw new LineError(`\`${key}\` is no text`)
    return value
  }

  texts(key: string): readonly ByteText[] {
    if (!this.has(key)) return []
    const value = member(this.line, key)
    const list = Array.isArray(value) ? value.map(jsonToText) : [undefined]
    if (list.includes(undefined)) throw new LineError(`\`${key}\` is no list of texts`)
    return list.filter(text => text !== undefined)
  }

  boolean(key: string): boolean {
    const value = member(this.line, key)
    if (typeof value !== 'boolean') throw new LineError(`\`${key}\` is neither true nor false`)
    return value
  }

  ip(key: string): Ip {
    const value = member(this.line, key)
    const ip = typeof value === 'string' ? parseIp(value) : undefined
    if (ip === undefined) throw new LineError(`\`${key}\` is no address`)
    return ip
  }
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/** Members that only newer captures have: absent stays absent. */
const OPTIONAL_NUMBERS = ['tty', 'loginuid', 'pgid'] as const
const OPTIONAL_INTEGERS = [
  'pidnsInitStartTs',
  'capInheritable',
  'capPermitted',
  'capEffective',
  'exeIno',
  'exeInoCtime',
  'exeInoMtime',
] as const
const OPTIONAL_BOOLEANS = ['exeWritable', 'exeUpperLayer', 'exeFromMemfd', 'exeLowerLayer'] as const

function readProcessLine(m: Members): ProcessEntry {
  const tid = m.required('tid')
  const pid = m.number('pid', tid)
  const entry: Mutable<ProcessEntry> = {
    tid,
    pid,
    ptid: m.number('ptid', 0),
    sid: m.number('sid', -1),
    vpgid: m.number('vpgid', -1),
    comm: m.text('comm'),
    exe: m.text('exe'),
    exepath: m.text('exepath'),
    args: m.texts('args'),
    cwd: m.text('cwd'),
    fdlimit: m.number('fdlimit', -1),
    flags: m.number('flags', 0),
    uid: m.number('uid', 0),
    gid: m.number('gid', 0),
    vmSizeKb: m.number('vmSizeKb', 0),
    vmRssKb: m.number('vmRssKb', 0),
    vmSwapKb: m.number('vmSwapKb', 0),
    pfMajor: m.number('pfMajor', 0),
    pfMinor: m.number('pfMinor', 0),
    env: m.texts('env'),
    vtid: m.number('vtid', tid),
    vpid: m.number('vpid', pid),
    cgroups: m.texts('cgroups'),
    root: m.text('root', '/'),
  }
  for (const key of OPTIONAL_NUMBERS) if (m.has(key)) entry[key] = m.number(key, 0)
  for (const key of OPTIONAL_INTEGERS) if (m.has(key)) entry[key] = m.integer(key, 0)
  for (const key of OPTIONAL_BOOLEANS) if (m.has(key)) entry[key] = m.boolean(key)
  return entry
}

function readFdLine(m: Members): FdEntry {
  const entry: Mutable<FdEntry> = { fd: m.required('fd'), ino: m.integer('ino', 0), type: m.required('type') }
  if (m.has('name')) entry.name = m.text('name')
  for (const key of ['openFlags', 'dev', 'sport', 'dport', 'l4proto'] as const) {
    if (m.has(key)) entry[key] = m.number(key, 0)
  }
  for (const key of ['sip', 'dip'] as const) if (m.has(key)) entry[key] = m.ip(key)
  for (const key of ['unixSource', 'unixDest'] as const) if (m.has(key)) entry[key] = m.integer(key, 0)
  return entry
}

function readMachineLine(m: Members): MachineInfo {
  return {
    cpuCount: m.number('cpuCount', 1),
    memoryBytes: m.number('memoryBytes', 0),
    ...(m.has('maxPid') && { maxPid: m.number('maxPid', 0) }),
    hostname: m.text('hostname'),
    bootTsNs: BigInt(m.integer('bootTsNs', 0)),
  }
}

function readInterfaceLine(m: Members): InterfaceEntry {
  return {
    name: m.text('name'),
    address: m.ip('address'),
    netmask: m.ip('netmask'),
    ...(m.has('broadcast') && { broadcast: m.ip('broadcast') }),
    ...(m.has('linkSpeed') && { linkSpeed: m.integer('linkSpeed', 0) }),
  }
}

/** Tells `sink` what a line with `kind` says; what is wrong with it, or undefined when nothing is. */
export function applyStateLine(kind: string, line: JsonObject, sink: SourceSink): string | undefined {
  const m = new Members(line)
  try {
    switch (kind) {
      case 'reset':
        sink.reset?.()
        return undefined
      case 'machine':
        sink.machine(readMachineLine(m))
        return undefined
      case 'interface':
        sink.networkInterface(readInterfaceLine(m))
        return undefined
      case 'user':
        sink.user({
          uid: m.required('uid'),
          gid: m.number('gid', 0),
          name: m.text('name'),
          home: m.text('home'),
          shell: m.text('shell'),
        })
        return undefined
      case 'group':
        sink.group({ gid: m.required('gid'), name: m.text('name') })
        return undefined
      case 'process':
        sink.process(readProcessLine(m))
        return undefined
      case 'fd':
        sink.fd(m.required('tid'), readFdLine(m))
        return undefined
      default:
        return `unknown kind \`${kind}\`: machine, interface, user, group, process, fd or reset`
    }
  } catch (error) {
    if (error instanceof LineError) return error.message
    throw error
  }
}

// ---------------------------------------------------------------- entries → JSON

/** One member as JSON: which members are addresses and which are texts is told by their names. */
const IP_MEMBERS: ReadonlySet<string> = new Set(['address', 'netmask', 'broadcast', 'sip', 'dip'])

function memberToJson(key: string, value: unknown): unknown {
  if (IP_MEMBERS.has(key)) return renderIp(value as Ip)
  if (typeof value === 'string') return textToJson(value)
  if (Array.isArray(value)) return value.map(textToJson)
  return typeof value === 'bigint' ? numberToJson(value) : value
}

/** The line for an entry of the state, as an object for `JSON.stringify`. */
export function stateLine(kind: string, entry: object, extra: JsonObject = {}): JsonObject {
  const line: Record<string, unknown> = { kind, ...extra }
  for (const [key, value] of Object.entries(entry)) line[key] = memberToJson(key, value)
  return line
}
