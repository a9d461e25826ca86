import type { ByteText } from '../values/value.ts'

const FULL_ID = /^[0-9a-f]{64}$/

/** What stands around a 64-digit id in the last part of a cgroup path, by engine. */
const WRAPPERS: readonly { readonly prefix: string; readonly suffix: string }[] = [
  { prefix: '', suffix: '' },
  { prefix: 'docker-', suffix: '.scope' },
  { prefix: 'cri-containerd-', suffix: '.scope' },
  { prefix: 'crio-', suffix: '.scope' },
  { prefix: 'crio-', suffix: '' },
  { prefix: 'containerd-', suffix: '.scope' },
  { prefix: 'nerdctl-', suffix: '.scope' },
  { prefix: 'libpod-', suffix: '.scope' },
  { prefix: 'libpod-', suffix: '.scope/container' },
  { prefix: 'libpod-conmon-', suffix: '.scope' },
  { prefix: 'libpod_parent/libpod-', suffix: '' },
  { prefix: 'libpod-', suffix: '' },
]

const LXC = /\/lxc(?:\.payload|\.monitor)?[./]([^/]+)/

/** The cgroups of a process, and the container they name. */
export interface Cgroups {
  /** `subsystem=path` items. */
  readonly list: readonly ByteText[]
  /** The full id; '' on the host. */
  readonly containerId: string
  readonly shortContainerId: string
}

const NO_CGROUPS: Cgroups = { list: [], containerId: '', shortContainerId: '' }

const MAX_KNOWN = 4096
const MAX_KNOWN_LENGTH = 4096

/** Cgroups by their text: few differ on a host, and every clone and exec brings one. Emptied when it grows over its bound. */
export class CgroupCache {
  readonly #known: Map<ByteText, Cgroups> = new Map()

  get size(): number {
    return this.#known.size
  }

  /** `text` has an item after the other, NUL-ended. */
  lookup(text: ByteText): Cgroups {
    const known = this.#known.get(text)
    if (known !== undefined) return known
    if (text === '') return NO_CGROUPS
    const list = (text.endsWith('\0') ? text.slice(0, -1) : text).split('\0')
    const containerId = containerIdOf(list)
    const cgroups: Cgroups = { list, containerId, shortContainerId: containerId.slice(0, 12) }
    if (text.length > MAX_KNOWN_LENGTH) return cgroups
    if (this.#known.size >= MAX_KNOWN) this.#known.clear()
    this.#known.set(text, cgroups)
    return cgroups
  }
}

/**
 * The container that a process's cgroups name, as Falco's container plugin finds it: the full id, or for LXC the name; '' for the host.
 * `cgroups` are `subsystem=path` items.
 */
export function containerIdOf(cgroups: readonly ByteText[]): string {
  for (const item of cgroups) {
    const id = idInPath(item.slice(item.indexOf('=') + 1))
    if (id !== '') return id
  }
  return ''
}

function idInPath(path: ByteText): string {
  for (const { prefix, suffix } of WRAPPERS) {
    if (!path.endsWith(suffix)) continue
    const end = path.length - suffix.length
    const start = end - 64
    if (start - prefix.length < 1) continue
    if (path.slice(start - prefix.length - 1, start) !== `/${prefix}`) continue
    const id = path.slice(start, end)
    if (FULL_ID.test(id)) return id
  }
  return LXC.exec(path)?.[1] ?? ''
}
