/** Why an address has the names that it has for somebody; why it has none, or none of those that a check asks for. */
import { unmapIp } from '../values/ip.ts'
import type { Ip } from '../values/value.ts'
import { type Evidence, isDoubtful, Level, levelOf, timeOf, type When } from './binding.ts'
import type { BindingView } from './binding-view.ts'
import type { NameIndex } from './name-index.ts'
import type { RefusedAnswers } from './refused-answers.ts'

/** Whose evidence decides: `Level` in words. `untrusted`: nobody's, only servers that are not trusted know a name. */
export type LevelName = 'process' | 'parent' | 'container' | 'host' | 'agent' | 'claimed' | 'untrusted'

export type AddressExplanation =
  | { readonly kind: 'named'; readonly level: LevelName; readonly bindings: readonly BindingView[] }
  | { readonly kind: 'unnamed'; readonly reason: MissReason }

/** Who is meant: a process, a container, a network namespace, or none of them: the host. */
export interface Party {
  readonly containerId: string
  readonly netns?: number | undefined
  readonly pid: number | undefined
}

/** The nearest reason why an address has no name, or none that counts. */
export type MissReason =
  /** It has the name, but evidence that counts more gives it another. */
  | {
      readonly kind: 'outranked'
      readonly name: string
      readonly evidence: Evidence
      readonly by: Party
      readonly deciding: LevelName
    }
  /** It has the name, but only the workload itself, or a server that is not trusted, says so, and the check excuses. */
  | {
      readonly kind: 'doubtful'
      readonly name: string
      readonly evidence: Evidence
      readonly resolver: string | undefined
    }
  /** It had the name, which ended so long before. */
  | { readonly kind: 'ended'; readonly name: string; readonly agoMs: number }
  /** The name became known only so long after. */
  | { readonly kind: 'later'; readonly name: string; readonly afterMs: number }
  /** Only others know the name: what a container, or another process's connection, says means nothing here. */
  | { readonly kind: 'foreign'; readonly name: string; readonly by: Party }
  /** An answer said so, but was not believed: it gave a public name an address of this host or link. */
  | {
      readonly kind: 'not-believed'
      readonly name: string
      readonly resolver: string | undefined
      readonly agoMs: number
    }
  /** Names, or addresses of names, are missing because there were too many. */
  | { readonly kind: 'overflow'; readonly name: string }
  /** Nothing was ever known of it. */
  | { readonly kind: 'never' }

const LEVELS: readonly LevelName[] = ['process', 'parent', 'container', 'host', 'agent', 'claimed']

function levelName(binding: BindingView, when: When): LevelName {
  return binding.untrusted ? 'untrusted' : (LEVELS[levelOf(binding, when)] ?? 'agent')
}

/** What decides for `when`; for a name that is missing, what comes nearest. */
export function explainAddress(index: NameIndex, ip: Ip, when: When, refused?: RefusedAnswers): AddressExplanation {
  const bindings = index.bindingsOf(ip, when)
  const best = bindings[0]
  if (best !== undefined) return { kind: 'named', level: levelName(best, when), bindings }
  return { kind: 'unnamed', reason: explainMiss(index, ip, when, () => true, refused) }
}

/**
 * Why the address has none of the names that `isAsked` takes, or none without doubt: no binding that counts has one. What comes nearest.
 */
export function explainMiss(
  index: NameIndex,
  ip: Ip,
  when: When,
  isAsked: (name: string) => boolean,
  refused?: RefusedAnswers,
): MissReason {
  const atMs = timeOf(when)
  const deciding = index.bindingsOf(ip, when)[0]
  let outranked: BindingView | undefined
  let doubtful: BindingView | undefined
  let ended: BindingView | undefined
  let later: BindingView | undefined
  let foreign: BindingView | undefined
  let overflow: BindingView | undefined
  for (const binding of index.bindingsOfAddress(unmapIp(ip), atMs)) {
    if (binding.overflow) overflow ??= binding
    if (!isAsked(binding.name)) continue
    if (levelOf(binding, when) === Level.none) foreign ??= binding
    else if (binding.fromMs > atMs) {
      if (later === undefined || binding.fromMs < later.fromMs) later = binding
    } else if (binding.untilMs <= atMs) {
      if (ended === undefined || binding.untilMs > ended.untilMs) ended = binding
    } else if (isDoubtful(binding) && !isFarther(binding, deciding, when)) doubtful ??= binding
    else if (outranked === undefined || levelOf(binding, when) < levelOf(outranked, when)) outranked = binding
  }
  if (outranked !== undefined && deciding !== undefined) {
    const { name, evidence } = outranked
    return {
      kind: 'outranked',
      name,
      evidence,
      by: partyOf(outranked),
      deciding: levelName(deciding, when),
    }
  }
  if (doubtful !== undefined) {
    const { name, evidence, resolver } = doubtful
    return { kind: 'doubtful', name, evidence, resolver }
  }
  if (ended !== undefined) return { kind: 'ended', name: ended.name, agoMs: atMs - ended.untilMs }
  if (later !== undefined) return { kind: 'later', name: later.name, afterMs: later.fromMs - atMs }
  if (foreign !== undefined) return { kind: 'foreign', name: foreign.name, by: partyOf(foreign) }
  const answer = refused?.lookup(ip)
  if (answer !== undefined && isAsked(answer.fact.name)) {
    const { fact } = answer
    return { kind: 'not-believed', name: fact.name, resolver: fact.resolver, agoMs: Math.max(0, atMs - answer.atMs) }
  }
  return overflow === undefined ? { kind: 'never' } : { kind: 'overflow', name: overflow.name }
}

/** Whether what a server that is not trusted says is left out because somebody nearer to who asks knows better. */
function isFarther(binding: BindingView, deciding: BindingView | undefined, when: When): boolean {
  return binding.untrusted && deciding !== undefined && levelOf(binding, when) > levelOf(deciding, when)
}

export function partyOf({ owner }: BindingView): Party {
  const { containerId = '', pid, netns = 0 } = owner ?? {}
  return { containerId, pid, ...(netns !== 0 && { netns }) }
}

/** Program names by process id, as far as they are known. */
export type ProcessNames = { get(pid: number): string | undefined }

/** `curl (12) in 0123456789ab`. */
export function renderParty({ pid, containerId, netns }: Party, processes: ProcessNames): string {
  const where = containerId === '' ? '' : ` in ${containerId}`
  if (pid === undefined) {
    if (containerId !== '') return `container ${containerId}`
    return netns === undefined ? 'the host' : `network namespace ${netns}`
  }
  return `${processes.get(pid) ?? 'process'} (${pid})${where}`
}

/** A reason in plain words, without a full stop. */
export function renderMiss(reason: MissReason, processes: ProcessNames): string {
  switch (reason.kind) {
    case 'never':
      return 'nobody was seen to look one up'
    case 'ended':
      return `it was ${reason.name} until ${renderSpan(reason.agoMs)} before`
    case 'later':
      return `${reason.name} became known ${renderSpan(reason.afterMs)} after`
    case 'foreign':
      return `only ${renderParty(reason.by, processes)} knows it as ${reason.name}`
    case 'outranked':
      return `it is ${reason.name} too, as ${sourceText(reason, processes)}, but ${DECIDING_TEXT[reason.deciding]} decides`
    case 'doubtful': {
      const who =
        reason.evidence === 'claimed' ? 'the client itself' : `${reason.resolver ?? 'a server'}, which is not trusted,`
      return `only ${who} says that it is ${reason.name}, and that excuses nothing`
    }
    case 'not-believed': {
      const server = reason.resolver === undefined ? '' : ` of ${reason.resolver}`
      const ago = renderSpan(reason.agoMs)
      return `an answer${server} said ${reason.name} ${ago} before, but public names have no address of this host or link`
    }
    case 'overflow':
      return `names may be missing: there are too many of the address or of ${reason.name}`
    default:
      return reason satisfies never
  }
}

function sourceText({ evidence, by }: MissReason & { kind: 'outranked' }, processes: ProcessNames): string {
  switch (evidence) {
    case 'observed':
      return `${renderParty(by, processes)} looked up`
    case 'sni':
    case 'host':
    case 'claimed':
      return `${renderParty(by, processes)} said when it connected`
    case 'hosts':
      return 'a hosts file says'
    case 'resolved':
      return 'the agent looked up'
    case 'literal':
      return 'it says itself'
    default:
      return evidence satisfies never
  }
}

const DECIDING_TEXT: Readonly<Record<LevelName, string>> = {
  process: 'what the process looked up itself',
  parent: 'what the process that it was forked from looked up',
  container: 'what its container or network namespace looked up',
  host: 'what processes of the host looked up',
  agent: 'what the agent looked up',
  claimed: 'what the client says',
  untrusted: 'what a server says that is not trusted',
}

/** `40 ms`, `1.5 s`, `40 s`, `12 min`, `3.5 h`, `2 d`. */
export function renderSpan(ms: number): string {
  if (ms < 0.5) return 'less than 1 ms'
  if (ms < 999.5) return `${Math.round(ms)} ms`
  if (ms < 9_950) return `${(ms / 1000).toFixed(1)} s`
  if (ms < 119_500) return `${Math.round(ms / 1000)} s`
  if (ms < 7_170_000) return `${Math.round(ms / 60_000)} min`
  if (ms < 172_000_000) return `${(ms / 3_600_000).toFixed(1)} h`
  return `${Math.round(ms / 86_400_000)} d`
}
