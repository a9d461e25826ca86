/**
 * Whose bindings are, as one object for all that a process saw: when it ends, what they count for changes in that one place, however many
 * they are. That several say the same by then is tidied up bit by bit (`nextEnded`), and nobody who asks can tell.
 */
import type { Evidence, Owner } from './binding.ts'
import type { Binding } from './name-set.ts'

export class BindingOwner {
  owner: Owner | undefined
  /** What it saw; else what it said itself. */
  readonly isSeen: boolean
  /** A process that lives: nobody else says what it says. */
  isProcess: boolean
  /** What it said means nothing to anybody any more. */
  isOver = false
  /** When its process ended. */
  endedMs: number = Number.POSITIVE_INFINITY
  /** What a process has, and what is still to be tidied up when it has ended; the latest first. */
  latest: Binding | undefined = undefined

  constructor(owner: Owner | undefined, isSeen: boolean, isProcess: boolean) {
    this.owner = owner
    this.isSeen = isSeen
    this.isProcess = isProcess
  }
}

const NOBODY: BindingOwner = new BindingOwner(undefined, true, false)
const NONE: readonly BindingOwner[] = []

export class BindingOwners {
  /** Those that have something, for each place that a process lived in: mostly one or two. */
  readonly #byPid: Map<number, BindingOwner[]> = new Map()
  readonly #ended: BindingOwner[] = []
  /** An answer says several things of one owner. */
  #last: BindingOwner = NOBODY

  /** Of a fact that says so. `isKept`: whatever becomes of its process. */
  of(owner: Owner | undefined, evidence: Evidence, isKept: boolean): BindingOwner {
    if (owner === undefined) return NOBODY
    const isSeen = evidence === 'observed'
    if (owner.pid === undefined || isKept) return new BindingOwner(owner, isSeen, false)
    const last = this.#last
    if (last.owner === owner && last.isSeen === isSeen && last.isProcess) return last
    for (const one of this.#byPid.get(owner.pid) ?? NONE) {
      if (one.isSeen === isSeen && isSameOwner(one.owner, owner)) return (this.#last = one)
    }
    return (this.#last = new BindingOwner(owner, isSeen, true))
  }

  /** The binding is that owner's from now on. */
  add(binding: Binding, owner: BindingOwner): void {
    binding.of = owner
    if (!owner.isProcess) return
    const { latest } = owner
    if (latest === undefined) this.#enter(owner)
    else latest.newerOfOwner = binding
    binding.olderOfOwner = latest
    binding.isListed = true
    owner.latest = binding
  }

  /** It has nothing more to do with its process, whose end changes nothing for it. */
  remove(binding: Binding): void {
    if (!binding.isListed) return
    const { of: owner, newerOfOwner, olderOfOwner } = binding
    if (newerOfOwner === undefined) owner.latest = olderOfOwner
    else newerOfOwner.olderOfOwner = olderOfOwner
    if (olderOfOwner !== undefined) olderOfOwner.newerOfOwner = newerOfOwner
    binding.newerOfOwner = undefined
    binding.olderOfOwner = undefined
    binding.isListed = false
    if (owner.latest === undefined && owner.isProcess) this.#leave(owner)
  }

  /** What the process saw is its container's from now on, or the host's, and what it said itself is nobody's. */
  end(pid: number, atMs: number): void {
    const own = this.#byPid.get(pid)
    if (own === undefined) return
    this.#byPid.delete(pid)
    for (const one of own) {
      one.isProcess = false
      one.endedMs = atMs
      if (one.isSeen) one.owner = heirOf(one.owner)
      else one.isOver = true
      this.#ended.push(one)
    }
  }

  /** One that a process left behind and that was not removed since; undefined: there is none. */
  nextEnded(): Binding | undefined {
    for (let one = this.#ended.at(-1); one !== undefined; one = this.#ended.at(-1)) {
      if (one.latest !== undefined) return one.latest
      this.#ended.pop()
    }
    return undefined
  }

  #enter(owner: BindingOwner): void {
    const pid = owner.owner!.pid!
    const own = this.#byPid.get(pid)
    if (own === undefined) this.#byPid.set(pid, [owner])
    else own.push(owner)
  }

  #leave(owner: BindingOwner): void {
    const pid = owner.owner!.pid!
    const own = this.#byPid.get(pid)!
    if (own.length === 1) this.#byPid.delete(pid)
    else own.splice(own.indexOf(owner), 1)
  }
}

/** Whether they are the same, however they are written. */
export function isSameOwner(a: Owner | undefined, b: Owner | undefined): boolean {
  return (
    a?.pid === b?.pid &&
    (a?.netns ?? 0) === (b?.netns ?? 0) &&
    a?.mntns === b?.mntns &&
    (a?.containerId ?? '') === (b?.containerId ?? '')
  )
}

/** Whose it is what a process of that owner saw, when it has ended. */
function heirOf(owner: Owner | undefined): Owner | undefined {
  const containerId = owner?.containerId ?? ''
  const netns = owner?.netns ?? 0
  return containerId === '' && netns === 0 ? undefined : { containerId, netns }
}
