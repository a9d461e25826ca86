import type { ByteText } from '../values/value.ts'

/** A container as the path of a control group names it. */
export interface CgroupContainer {
  /** As rules see it: 12 characters of an id, the whole name with LXC, libvirt and BPM. */
  readonly id: string
  /** Of engines that nobody can be asked about: all that is ever known of their containers. */
  readonly type?: 'lxc' | 'libvirt_lxc' | 'bpm'
}

/** 64 hexadecimal digits, as each engine wraps them; what is below them is in the container as well. */
const HEX_ID =
  /(?:\/(?:libpod-(?:payload-)?|crio-)?|:cri-containerd:)([\da-fA-F]{64})(?=\/|$)|\/(?:docker|cri-containerd|crio|libpod(?:-payload)?|nerdctl)-([\da-fA-F]{64})\.scope(?=\/|$)/g

const NAMED: readonly { readonly type: NonNullable<CgroupContainer['type']>; readonly path: RegExp }[] = [
  { type: 'libvirt_lxc', path: /\/([^/]+)\.libvirt-lxc$/ },
  { type: 'libvirt_lxc', path: /-lxc\\x2d([^/]+)\.scope(?:\/libvirt)?$/ },
  { type: 'libvirt_lxc', path: /\/libvirt\/lxc\/(.+)$/ },
  { type: 'lxc', path: /\/lxc(?:\.payload[/.]|\/)([^/]+)/ },
  { type: 'bpm', path: /bpm-([\w.-]+?)(?:\.scope.*)?$/ },
]

/** `/namespace/name`, as containerd’s `ctr` and others name what they run. */
const NAMESPACE = /\/[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*\//
const MAX_NAME = 64
/** What systemd runs, wherever below its unit. */
const SYSTEMD_UNIT = /\.(?:service|slice|scope)(?:\/|$)/

const SHORT_ID = 12

/** The cgroups of a process, and the container they name. */
export interface Cgroups {
  /** `subsystem=path` items. */
  readonly list: readonly ByteText[]
  /** Undefined on the host. */
  readonly container: CgroupContainer | undefined
}

const NO_CGROUPS: Cgroups = { list: [], container: undefined }

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
    const cgroups: Cgroups = { list, container: containerOfCgroups(list) }
    if (text.length > MAX_KNOWN_LENGTH) return cgroups
    if (this.#known.size >= MAX_KNOWN) this.#known.clear()
    this.#known.set(text, cgroups)
    return cgroups
  }
}

/**
 * The container that a process's cgroups name, as Falco's container plugin finds it; undefined on the host. `cgroups` are `subsystem=path`
 * items; the first that names one counts.
 */
export function containerOfCgroups(cgroups: readonly ByteText[]): CgroupContainer | undefined {
  const paths = cgroups.map(item => item.slice(item.indexOf('=') + 1))
  for (const [at, path] of paths.entries()) {
    const container = containerInPath(path)
    if (container !== undefined) return container
    const name = nameInNamespace(path)
    // What only limits the memory of something puts it into a group of that one controller; containers are in groups of several.
    if (name !== '' && paths.includes(path, at + 1)) return { id: name.slice(0, SHORT_ID) }
  }
  return undefined
}

function containerInPath(path: ByteText): CgroupContainer | undefined {
  let hex: string | undefined
  for (const match of path.matchAll(HEX_ID)) hex = match[1] ?? match[2]
  if (hex !== undefined) return { id: hex.slice(0, SHORT_ID) }
  for (const { type, path: pattern } of NAMED) {
    const name = pattern.exec(path)?.[1]
    if (name !== undefined) return { id: name, type }
  }
  return undefined
}

function nameInNamespace(path: ByteText): ByteText {
  const namespace = NAMESPACE.exec(path)?.[0]
  if (namespace === undefined || SYSTEMD_UNIT.test(path)) return ''
  const name = path.slice(path.lastIndexOf(namespace) + namespace.length)
  return name.length > MAX_NAME ? '' : name
}
