/**
 * The numbers of the .scap container: blocks as in pcapng (u32 type, u32 total length, body padded to 4, u32 total length again), little
 * endian. Facts of libscap's scap_savefile.h.
 */

export const SECTION_HEADER = 0x0a0d0d0a
export const SECTION_MAGIC = 0x1a2b3c4d
/** Versions of the container: a greater major number cannot be read, minor ones only add fields. */
export const SECTION_MAJOR = 1
export const SECTION_MINOR = 2

export const MACHINE_INFO = 0x201
export const PROCESS_LIST_V9 = 0x215
export const FD_LIST_V2 = 0x218
export const INTERFACE_LIST_V2 = 0x219
export const USER_LIST_V2 = 0x220
const EVENT_V1 = 0x204
const EVENT_FLAGS_V1 = 0x208
export const EVENT_V2 = 0x216
const EVENT_FLAGS_V2 = 0x217
export const EVENT_V2_LARGE = 0x221
const EVENT_FLAGS_V2_LARGE = 0x222

/** What a block holds. Versions tell which fields an entry has; a process list of version 9 and the other version 2 lists carry entry lengths. */
export type BlockKind =
  | { readonly kind: 'section' }
  | { readonly kind: 'machine' }
  | { readonly kind: 'process'; readonly version: number }
  | { readonly kind: 'fd'; readonly version: number }
  | { readonly kind: 'interface'; readonly version: number }
  | { readonly kind: 'user'; readonly version: number }
  /** `headerBytes`: 26 with a parameter count, 22 without. `hasFlags`: a u32 stands between the CPU and the event. */
  | { readonly kind: 'event'; readonly hasCount: boolean; readonly hasFlags: boolean; readonly isLarge: boolean }

/** All block types, numbers of unreleased writers included. */
export const blockKinds: ReadonlyMap<number, BlockKind> = new Map<number, BlockKind>([
  [SECTION_HEADER, { kind: 'section' }],
  [MACHINE_INFO, { kind: 'machine' }],
  [0x8002abcd, { kind: 'machine' }],
  [0x202, { kind: 'process', version: 1 }],
  [0x8000abcd, { kind: 'process', version: 1 }],
  [0x207, { kind: 'process', version: 2 }],
  [0x8013abcd, { kind: 'process', version: 2 }],
  [0x209, { kind: 'process', version: 3 }],
  [0x8014abcd, { kind: 'process', version: 3 }],
  [0x210, { kind: 'process', version: 4 }],
  [0x211, { kind: 'process', version: 5 }],
  [0x212, { kind: 'process', version: 6 }],
  [0x213, { kind: 'process', version: 7 }],
  [0x214, { kind: 'process', version: 8 }],
  [PROCESS_LIST_V9, { kind: 'process', version: 9 }],
  [0x203, { kind: 'fd', version: 1 }],
  [0x8001abcd, { kind: 'fd', version: 1 }],
  [FD_LIST_V2, { kind: 'fd', version: 2 }],
  [0x205, { kind: 'interface', version: 1 }],
  [0x8011abcd, { kind: 'interface', version: 1 }],
  [INTERFACE_LIST_V2, { kind: 'interface', version: 2 }],
  [0x206, { kind: 'user', version: 1 }],
  [0x8012abcd, { kind: 'user', version: 1 }],
  [USER_LIST_V2, { kind: 'user', version: 2 }],
  [EVENT_V1, { kind: 'event', hasCount: false, hasFlags: false, isLarge: false }],
  [0x8010abcd, { kind: 'event', hasCount: false, hasFlags: false, isLarge: false }],
  [EVENT_FLAGS_V1, { kind: 'event', hasCount: false, hasFlags: true, isLarge: false }],
  [EVENT_V2, { kind: 'event', hasCount: true, hasFlags: false, isLarge: false }],
  [EVENT_FLAGS_V2, { kind: 'event', hasCount: true, hasFlags: true, isLarge: false }],
  [EVENT_V2_LARGE, { kind: 'event', hasCount: true, hasFlags: false, isLarge: true }],
  [EVENT_FLAGS_V2_LARGE, { kind: 'event', hasCount: true, hasFlags: true, isLarge: true }],
])

/** scap's fd types as the fd list of a capture numbers them. */
export const ScapFd = {
  file: 1,
  directory: 2,
  ipv4: 3,
  ipv6: 4,
  ipv4Listening: 5,
  ipv6Listening: 6,
  fifo: 7,
  unix: 8,
  fileV2: 16,
  last: 21,
} as const

/** What went wrong in a file; what was read before it counts. */
export type CaptureErrorCode =
  /** The file cannot be opened or read. */
  | 'io'
  /** It does not begin with a section header. */
  | 'not-a-capture'
  /** Written by a newer, incompatible writer. */
  | 'version'
  /** The gzip data is damaged. */
  | 'gzip'
  /** The file ends in the middle of a block or of the gzip data. */
  | 'truncated'
  /** Sizes or contents contradict each other. */
  | 'corrupt'

/** A typed value, not thrown: reading ends with it in the summary. */
export interface CaptureError {
  readonly code: CaptureErrorCode
  /** Where, in bytes of the uncompressed capture. */
  readonly offset: number
  /** Lower case, what is wrong. */
  readonly message: string
}
