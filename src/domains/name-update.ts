import type { Answer, LookupFailure, ResolvedAddress } from './resolver.ts'

/** News about one name that the agent looks up, as plain data, for look-ups may run on another thread than the index. */
export type NameUpdate =
  | {
      readonly kind: 'addresses'
      readonly name: string
      readonly atMs: number
      readonly resolver: string
      readonly addresses: readonly ResolvedAddress[]
      readonly chain: readonly string[]
      readonly cut: number
      readonly failedFamily?: 4 | 6
    }
  | { readonly kind: 'nxdomain' | 'nodata'; readonly name: string; readonly atMs: number }
  | { readonly kind: 'failed'; readonly name: string; readonly atMs: number; readonly reason: LookupFailure }
  /** Nobody wants it looked up any more. */
  | { readonly kind: 'dropped'; readonly name: string; readonly atMs: number }

/** What an answer to the agent's look-up of `name` says; `atMs` is when it came. */
export function toNameUpdate(name: string, answer: Answer, atMs: number, resolver: string): NameUpdate {
  switch (answer.kind) {
    case 'addresses':
      return { ...answer, name, atMs, resolver }
    case 'nxdomain':
    case 'nodata':
      return { kind: answer.kind, name, atMs }
    case 'failed':
      return { kind: 'failed', name, atMs, reason: answer.reason }
    default:
      answer satisfies never
      throw new Error('unreachable: kind of answer')
  }
}
