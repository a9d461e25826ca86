import { eventTable } from './event-table.ts'

/** The bytes of an event with header v2. */
export function encodeEvent(
  code: number,
  params: readonly Uint8Array[],
  head: { readonly ts?: bigint; readonly tid?: number } = {},
): Buffer {
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

/** A number as little-endian bytes. */
export function le(size: 1 | 2 | 4 | 8, value: number | bigint): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)))
  return bytes.subarray(0, size)
}
