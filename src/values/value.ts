/** Types and JavaScript shapes of the values that fields give and conditions compare. */

/**
 * Text as the kernel gave it: one character per *byte* (code points 0–255), so that comparison, length, prefix and glob are byte-exact
 * like Falco's, and a name that is not UTF-8 survives. Constants of rules are turned into it once (`toByteText`); output turns it
 * back (`renderText`). ASCII text is the same in both.
 */
export type ByteText = string

/** An IPv4 address is its 32-bit number in host order (unsigned); an IPv6 address is `ByteText` of 16 bytes. Map keys as they are. */
export type Ip = number | string

/** A CIDR block: `base` already masked; `prefix` 0–32 for a number base, 0–128 for text. */
export interface Net {
  readonly base: Ip
  readonly prefix: number
}

/** What a field or an event parameter holds. The names are those of Falco's tables without the `PT_` prefix. */
export type ValueType =
  | 'ABSTIME'
  | 'BOOL'
  | 'BYTEBUF'
  | 'CHARBUF'
  | 'DOUBLE'
  | 'DYN'
  | 'ERRNO'
  | 'FD'
  | 'FSPATH'
  | 'FSRELPATH'
  | 'GID'
  | 'INT16'
  | 'INT32'
  | 'INT64'
  | 'INT8'
  | 'IPADDR'
  | 'IPNET'
  | 'PID'
  | 'PORT'
  | 'RELTIME'
  | 'UID'
  | 'UINT16'
  | 'UINT32'
  | 'UINT64'
  | 'UINT8'
  | 'FLAGS8'
  | 'FLAGS16'
  | 'FLAGS32'
  | 'ENUMFLAGS8'
  | 'ENUMFLAGS16'
  | 'ENUMFLAGS32'
  | 'MODE'
  | 'SIGTYPE'
  | 'SIGSET'
  | 'SYSCALLID'
  | 'SOCKADDR'
  | 'SOCKTUPLE'
  | 'FDLIST'
  | 'FD32'
  | 'PID32'
  | 'CHARBUFARRAY'
  | 'CHARBUF_PAIR_ARRAY'
  | 'IPV4ADDR'
  | 'IPV6ADDR'

/**
 * One value. Text and bytes are `ByteText`. Whole numbers are `number` when |n| ≤ 2^53−1 and `bigint` beyond, never both for one
 * number, so `===`, `<` and `Map` look-ups are right without conversion. Absent is `undefined`.
 */
export type Scalar = string | number | bigint | boolean
export type Value = Scalar | readonly Scalar[]

/** A floating-point number on its way to JSON, which must show that it is one: `1.0`, not `1`. */
export interface JsonDouble {
  readonly double: number
}
