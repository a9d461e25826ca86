/** Why an address has the names that it has for somebody, or why it has none. */
import { unmapIp } from '../values/ip.ts'
import type { Ip } from '../values/value.ts'
import { Level, levelOf, timeOf, type When } from './binding.ts'
import type { BindingView, NameIndex } from './name-index.ts'

/** Whose evidence decides: `Level` in words. `untrusted`: nobody's, only servers that are not trusted know a name. */
export type LevelName = 'process' | 'container' | 'host' | 'agent' | 'claimed' | 'untrusted'

export type AddressExplanation =
  | { readonly kind: 'named'; readonly level: LevelName; readonly bindings: readonly BindingView[] }
  | { readonly kind: 'unnamed'; readonly reason: UnnamedReason }

/** The nearest reason why there is no name. */
export type UnnamedReason =
  /** It had a name, which ended so long before. */
  | { readonly kind: 'ended'; readonly name: string; readonly agoMs: number }
  /** A name became known only so long after. */
  | { readonly kind: 'later'; readonly name: string; readonly afterMs: number }
  /** Only others know a name: what a container, or another process's connection, says means nothing here. */
  | { readonly kind: 'foreign'; readonly name: string; readonly containerId: string; readonly pid: number | undefined }
  /** Nothing was ever known of it. */
  | { readonly kind: 'never' }

const LEVELS: readonly LevelName[] = ['process', 'container', 'host', 'agent', 'claimed']

/** What decides for `when`; for a name that is missing, what comes nearest. */
export function explainAddress(index: NameIndex, ip: Ip, when: When): AddressExplanation {
  const bindings = index.bindingsOf(ip, when)
  const best = bindings[0]
  if (best !== undefined) {
    const level = best.untrusted ? 'untrusted' : (LEVELS[levelOf(best, when)] ?? 'agent')
    return { kind: 'named', level, bindings }
  }
  return { kind: 'unnamed', reason: nearestReason(index.bindingsOfAddress(unmapIp(ip), timeOf(when)), when) }
}

function nearestReason(bindings: readonly BindingView[], when: When): UnnamedReason {
  const atMs = timeOf(when)
  let ended: BindingView | undefined
  let later: BindingView | undefined
  let foreign: BindingView | undefined
  for (const binding of bindings) {
    if (levelOf(binding, when) === Level.none) foreign ??= binding
    else if (binding.untilMs <= atMs) {
      if (ended === undefined || binding.untilMs > ended.untilMs) ended = binding
    } else if (binding.fromMs > atMs) {
      if (later === undefined || binding.fromMs < later.fromMs) later = binding
    }
  }
  if (ended !== undefined) return { kind: 'ended', name: ended.name, agoMs: atMs - ended.untilMs }
  if (later !== undefined) return { kind: 'later', name: later.name, afterMs: later.fromMs - atMs }
  if (foreign === undefined) return { kind: 'never' }
  const { owner } = foreign
  return { kind: 'foreign', name: foreign.name, containerId: owner?.containerId ?? '', pid: owner?.pid }
}
