import type { Owner } from './binding.ts'

const MAX_OWNERS = 4096

/** Processes as owners of what they saw: the same object for the same process while it lives and is seen often. */
export class ProcessOwners {
  readonly #byPid: Map<number, Owner> = new Map()

  /** One that nothing is known of (`pid` ≤ 0) has no number that would tell it from others. */
  of(pid: number, containerId: string, netns: number): Owner {
    if (pid <= 0) return { containerId, netns }
    const known = this.#byPid.get(pid)
    if (known !== undefined && known.containerId === containerId && known.netns === netns) return known
    if (this.#byPid.size >= MAX_OWNERS) this.#byPid.clear()
    const owner = { pid, containerId, netns }
    this.#byPid.set(pid, owner)
    return owner
  }

  /** The process has ended: whoever has its number next is another. */
  forget(pid: number): void {
    this.#byPid.delete(pid)
  }
}
