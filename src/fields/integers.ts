/** A whole number as values hold it: `number` when it is a safe integer, else `bigint`. */
export function toScalar(n: bigint): number | bigint {
  const small = Number(n)
  return Number.isSafeInteger(small) ? small : n
}

/** The bits of a negative whole number as an unsigned one of `bits` bits, as C prints it with %X and %o. */
export function toUnsigned(n: number | bigint, bits: 8 | 16 | 32 | 64): number | bigint {
  if (n >= 0) return n
  return toScalar(BigInt.asUintN(bits, BigInt(n)))
}
