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

/** Results by cgroup text: few differ on a host, and every exec brings one. Emptied when it grows over its bound. */
const known = new Map<string, string>()
const MAX_KNOWN = 4096

/**
 * The container that a process's cgroups name, as Falco's container plugin finds it: the full id, or for LXC the name; '' for the host.
 * `cgroups` are `subsystem=path` items.
 */
export function containerIdOf(cgroups: readonly ByteText[]): string {
  for (const item of cgroups) {
    let id = known.get(item)
    if (id === undefined) {
      id = idInPath(item.slice(item.indexOf('=') + 1))
      if (known.size >= MAX_KNOWN) known.clear()
      known.set(item, id)
    }
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
