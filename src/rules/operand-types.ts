import type { ValueType } from '../values/value.ts'
import type { CompareOp } from './plan.ts'

/** Which operators a type takes, and what the transformers make of it: `filter_compare.cpp` and the transformers of Falco's libraries. */
export type TypeClass = 'number' | 'bool' | 'text' | 'bytes' | 'address' | 'other'

const CLASS_OF: Readonly<Record<ValueType, TypeClass>> = {
  INT8: 'number',
  INT16: 'number',
  INT32: 'number',
  INT64: 'number',
  UINT8: 'number',
  UINT16: 'number',
  UINT32: 'number',
  UINT64: 'number',
  FLAGS8: 'number',
  FLAGS16: 'number',
  FLAGS32: 'number',
  ENUMFLAGS8: 'number',
  ENUMFLAGS16: 'number',
  ENUMFLAGS32: 'number',
  MODE: 'number',
  ERRNO: 'number',
  FD: 'number',
  FD32: 'number',
  PID: 'number',
  PID32: 'number',
  // Only `evt.rawarg` is of these, and Falco does not compare them.
  UID: 'other',
  GID: 'other',
  PORT: 'number',
  SIGTYPE: 'number',
  SYSCALLID: 'number',
  ABSTIME: 'number',
  RELTIME: 'number',
  DOUBLE: 'number',
  BOOL: 'bool',
  CHARBUF: 'text',
  FSPATH: 'text',
  FSRELPATH: 'text',
  BYTEBUF: 'bytes',
  IPADDR: 'address',
  IPNET: 'address',
  IPV4ADDR: 'address',
  IPV6ADDR: 'address',
  DYN: 'other',
  SIGSET: 'other',
  SOCKADDR: 'other',
  SOCKTUPLE: 'other',
  FDLIST: 'other',
  CHARBUFARRAY: 'other',
  CHARBUF_PAIR_ARRAY: 'other',
}

const EQUALITY: readonly CompareOp[] = ['=', '!=', 'in', 'intersects', 'exists']
const ORDER: readonly CompareOp[] = ['<', '<=', '>', '>=']
const ONLY_EXISTS: readonly CompareOp[] = ['exists']
const LIST: readonly CompareOp[] = ['in', 'intersects', 'exists']

const OPERATORS_OF: Readonly<Record<TypeClass, readonly CompareOp[]>> = {
  number: [...EQUALITY, ...ORDER],
  bool: EQUALITY,
  address: EQUALITY,
  text: [...EQUALITY, ...ORDER, 'contains', 'icontains', 'startswith', 'endswith', 'glob', 'iglob', 'regex', 'pmatch'],
  bytes: [...EQUALITY, 'contains', 'bcontains', 'startswith', 'bstartswith', 'endswith'],
  other: ONLY_EXISTS,
}

/** Types of which a list can be compared at all. */
const LIST_TYPES: readonly ValueType[] = ['CHARBUF', 'UINT64', 'RELTIME', 'ABSTIME', 'BOOL', 'IPADDR', 'IPNET']

const CLASS_NAMES: Readonly<Record<TypeClass, string>> = {
  number: 'a number',
  bool: 'a boolean',
  text: 'a text',
  bytes: 'a byte buffer',
  address: 'an address or network',
  other: 'of a type that cannot be compared',
}

/** The operators that a value of this type takes. */
export function operatorsFor(type: ValueType, isList: boolean): readonly CompareOp[] {
  if (!isList) return OPERATORS_OF[CLASS_OF[type]]
  return LIST_TYPES.includes(type) ? LIST : ONLY_EXISTS
}

/** What a value of this type is, to continue «`proc.pid` is …». */
export function describeType(type: ValueType, isList: boolean): string {
  const name = CLASS_NAMES[CLASS_OF[type]]
  return isList ? `a list (each element ${name})` : name
}

export interface OperandType {
  readonly type: ValueType
  readonly isList: boolean
}

/** What a transformer of one argument makes of a type; undefined when it does not take it. */
export function transformType(name: string, from: OperandType): OperandType | undefined {
  switch (name) {
    case 'tolower':
    case 'toupper':
    case 'basename':
      return CLASS_OF[from.type] === 'text' ? from : undefined
    case 'b64':
      return CLASS_OF[from.type] === 'text' || from.type === 'BYTEBUF' ? from : undefined
    case 'len':
      return from.isList || CLASS_OF[from.type] === 'text' || from.type === 'BYTEBUF'
        ? { type: 'UINT64', isList: false }
        : undefined
    default:
      return undefined
  }
}
