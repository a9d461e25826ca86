import type { EventLookup, FieldLookup, FieldResolution, FieldSpec } from '../field-lookup.ts'

/*
 * A few fields and events for the tests of this folder, which may not import the catalogues that depend on it. Types and flags are those
 * of the real fields.
 */

type Row = FieldSpec

const rows: readonly Row[] = [
  { name: 'evt.num', type: 'UINT64', arg: 'none' },
  { name: 'evt.type', type: 'CHARBUF', arg: 'none' },
  { name: 'syscall.type', type: 'CHARBUF', arg: 'none' },
  { name: 'evt.dir', type: 'CHARBUF', arg: 'none', deprecated: true },
  { name: 'evt.latency', type: 'RELTIME', arg: 'none', deprecated: true },
  { name: 'evt.latency.ns', type: 'RELTIME', arg: 'none', deprecated: true },
  { name: 'evt.source', type: 'CHARBUF', arg: 'none' },
  { name: 'evt.plugininfo', type: 'CHARBUF', arg: 'none' },
  { name: 'evt.rawtime', type: 'ABSTIME', arg: 'none' },
  { name: 'evt.cpu', type: 'INT16', arg: 'none' },
  { name: 'evt.count', type: 'UINT32', arg: 'none' },
  { name: 'evt.is_io', type: 'BOOL', arg: 'none' },
  { name: 'evt.buffer', type: 'BYTEBUF', arg: 'none' },
  { name: 'evt.rawres', type: 'INT64', arg: 'none' },
  { name: 'evt.args', type: 'CHARBUF', arg: 'none' },
  { name: 'evt.arg', type: 'CHARBUF', arg: 'required' },
  { name: 'evt.rawarg', type: 'DYN', arg: 'required', noRhs: true, noTransformer: true },
  { name: 'evt.type.is', type: 'UINT32', arg: 'required' },
  { name: 'proc.name', type: 'CHARBUF', arg: 'none' },
  { name: 'proc.pname', type: 'CHARBUF', arg: 'none' },
  { name: 'proc.pid', type: 'INT64', arg: 'none' },
  { name: 'proc.tty', type: 'UINT32', arg: 'none' },
  { name: 'proc.args', type: 'CHARBUF', arg: 'optional' },
  { name: 'proc.env', type: 'CHARBUF', arg: 'optional' },
  { name: 'proc.aname', type: 'CHARBUF', arg: 'optional', noRhs: true, noTransformer: true, compare: 'any' },
  { name: 'proc.pid.ts', type: 'RELTIME', arg: 'none' },
  { name: 'thread.cpu', type: 'DOUBLE', arg: 'none' },
  { name: 'fd.name', type: 'CHARBUF', arg: 'none' },
  { name: 'fd.directory', type: 'CHARBUF', arg: 'none' },
  { name: 'fd.num', type: 'INT64', arg: 'none' },
  { name: 'fd.dev', type: 'INT32', arg: 'none' },
  { name: 'fd.types', type: 'CHARBUF', isList: true, arg: 'optional', noRhs: true },
  { name: 'fd.sip', type: 'IPADDR', arg: 'none' },
  { name: 'fd.cip', type: 'IPADDR', arg: 'none' },
  {
    name: 'fd.ip',
    type: 'IPADDR',
    arg: 'none',
    filterOnly: true,
    noRhs: true,
    noTransformer: true,
    compare: 'either',
  },
  {
    name: 'fd.net',
    type: 'IPNET',
    arg: 'none',
    filterOnly: true,
    noRhs: true,
    noTransformer: true,
    compare: 'either',
  },
  { name: 'fd.sport', type: 'PORT', arg: 'none' },
  { name: 'fd.sip.name', type: 'CHARBUF', arg: 'none', noRhs: true, noTransformer: true, compare: 'domain' },
  { name: 'fake.list', type: 'CHARBUF', isList: true, arg: 'none' },
  { name: 'fake.list2', type: 'CHARBUF', isList: true, arg: 'none' },
  { name: 'fake.nums', type: 'UINT64', isList: true, arg: 'none' },
  { name: 'fake.pids', type: 'INT64', isList: true, arg: 'none' },
  { name: 'fake.path', type: 'FSPATH', arg: 'none' },
  { name: 'fake.u8', type: 'UINT8', arg: 'none' },
  { name: 'fake.u16', type: 'UINT16', arg: 'none' },
  { name: 'fake.i8', type: 'INT8', arg: 'none' },
  { name: 'fake.signal', type: 'SIGTYPE', arg: 'none' },
  { name: 'fake.addr', type: 'SOCKADDR', arg: 'none' },
  { name: 'ka.verb', type: 'CHARBUF', arg: 'none' },
]

const byName = new Map(rows.map(row => [row.name, row]))

/** Parameters that `evt.arg.NAME` and `evt.rawarg.NAME` know. */
const params = new Map<string, 'INT64' | 'FSPATH' | 'SOCKADDR'>([
  ['res', 'INT64'],
  ['path', 'FSPATH'],
  ['addr', 'SOCKADDR'],
])

function resolve(text: string): FieldResolution {
  let spec: Row | undefined
  for (let length = Math.min(text.length, 20); length > 0 && spec === undefined; length--) {
    spec = byName.get(text.slice(0, length))
  }
  if (spec === undefined) return { kind: 'unknown' }
  const { name, arg, type } = spec
  const rest = text.slice(name.length)
  if (name === 'evt.arg' || name === 'evt.rawarg') {
    const known = [...params].find(([param]) => rest.startsWith(`.${param}`))
    if (known === undefined) return { kind: 'bad-argument', spec, message: 'the name of an argument is required' }
    const [param, paramType] = known
    const ref = { spec, arg: param, type: name === 'evt.rawarg' ? paramType : type }
    return { kind: 'field', ref, length: name.length + 1 + param.length }
  }
  const bracket = arg === 'none' ? null : /^\[([^\]]*)\]/.exec(rest)
  if (bracket !== null) return { kind: 'field', ref: { spec, arg: bracket[1]!, type }, length: name.length + bracket[0].length }
  if (arg === 'required') return { kind: 'bad-argument', spec, message: 'an argument is required' }
  return { kind: 'field', ref: { spec, type }, length: name.length }
}

export const fakeFields: FieldLookup = { resolve, names: () => byName.keys() }

/** 150 codes: generic system calls, then two codes for each name, then fillers. */
const names = ['syscall', 'open', 'close', 'openat', 'execve', 'connect', 'accept', 'mmap', 'container', 'asyncevent']
const generic = new Set(['sched_yield', 'setuid'])

export const fakeEvents: EventLookup = {
  codesOf(name) {
    const at = names.indexOf(name)
    if (at >= 0) return [2 * at, 2 * at + 1]
    return generic.has(name) ? [0, 1] : undefined
  },
  count: 150,
  isObsolete: code => code % 2 === 0,
  genericCodes: [0, 1],
  names: () => [...names, ...generic],
}
