import { readFileSync } from 'node:fs'

/** AT_PAGESZ in the auxiliary vector that the kernel gives every process (getauxval(3)). */
const AT_PAGESZ = 6n

/** Bytes of a memory page on this machine; 4096 where the kernel does not tell. */
export function pageSize(): number {
  let vector: Buffer
  try {
    vector = readFileSync('/proc/self/auxv')
  } catch {
    return 4096
  }
  for (let at = 0; at + 16 <= vector.length; at += 16) {
    if (vector.readBigUInt64LE(at) === AT_PAGESZ) return Number(vector.readBigUInt64LE(at + 8))
  }
  return 4096
}
