/** What a test and the program inside its world say to each other. */
import type { ScriptedRecord } from '../../../src/domains/testdata/scripted-dns-server.ts'

/** What a name has: records that take turns, or `anAnswer` addresses out of a pool of `size` below `net` (`198.18`). */
export interface Entry {
  readonly turns?: readonly (readonly ScriptedRecord[])[]
  readonly pool?: {
    readonly net: string
    readonly size: number
    readonly anAnswer: number
    readonly ttlSec: number
  }
  readonly rcode?: number
  readonly delayMs?: number
}

export type ToWorld =
  /** `server`: the address of one of the scripted servers; '' for all. */
  | { readonly kind: 'set'; readonly number: number; readonly server: string; readonly entries: Record<string, Entry> }
  /** Is told when the server gives an address of the name. */
  | { readonly kind: 'probe'; readonly number: number; readonly server: string; readonly name: string }

export type FromWorld =
  | { readonly kind: 'ready' }
  | { readonly kind: 'done'; readonly number: number; readonly ok: boolean }
