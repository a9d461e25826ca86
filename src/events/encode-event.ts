import type { ByteText } from '../values/value.ts'
import { attachBytes, createRecord, readRecord } from './decode-record.ts'
import type { EventRecord } from './event-record.ts'
import { eventTable } from './event-table.ts'

export interface EventHead {
  readonly ts?: bigint
  readonly tid?: number
}

/** The bytes of an event with header v2. */
export function encodeEvent(code: number, params: readonly Uint8Array[], head: EventHead = {}): Buffer {
  const wide = eventTable[code]?.isLarge === true ? 4 : 2
  const lens = Buffer.alloc(params.length * wide)
  for (const [i, param] of params.entries()) lens.writeUIntLE(param.length, i * wide, wide)
  const bytes = Buffer.concat([Buffer.alloc(26), lens, ...params])
  bytes.writeBigUInt64LE(head.ts ?? 0n, 0)
  bytes.writeBigInt64LE(BigInt(head.tid ?? 1), 8)
  bytes.writeUInt32LE(bytes.length, 16)
  bytes.writeUInt16LE(code, 20)
  bytes.writeUInt32LE(params.length, 22)
  return bytes
}

/** The event as a record of its own. */
export function makeRecord(code: number, params: readonly Uint8Array[], head: EventHead = {}): EventRecord {
  const bytes = encodeEvent(code, params, head)
  const record = createRecord()
  attachBytes(record, bytes)
  readRecord(record, 0, bytes.length)
  return record
}

/** A text as its bytes and the NUL that ends it. */
export function withNul(text: ByteText): Buffer {
  return Buffer.from(`${text}\0`, 'latin1')
}

/** A number as little-endian bytes. */
export function le(size: 1 | 2 | 4 | 8, value: number | bigint): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)))
  return bytes.subarray(0, size)
}
