/** What this process may do, of what watching a machine takes. */
import { readFileSync } from 'node:fs'

export interface Capability {
  readonly name: string
  readonly bit: bigint
  /** Has it in it. */
  readonly within?: bigint
}

const CAP_SYS_ADMIN = 21n

/** Loading programs, and attaching them to tracepoints. */
export const PROBE_CAPABILITIES: readonly Capability[] = [
  { name: 'CAP_BPF', bit: 39n, within: CAP_SYS_ADMIN },
  { name: 'CAP_PERFMON', bit: 38n, within: CAP_SYS_ADMIN },
]

/** Reading what /proc has of processes of other users: programs and directories, and the folders of descriptors. */
export const WORLD_CAPABILITIES: readonly Capability[] = [
  { name: 'CAP_SYS_PTRACE', bit: 19n },
  { name: 'CAP_DAC_READ_SEARCH', bit: 2n },
]

/** Names of those that this process lacks; none where the system does not say. `status` is the text of /proc/self/status. */
export function missingCapabilities(wanted: readonly Capability[], status: string = readStatus()): readonly string[] {
  const line = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)
  if (line === null) return []
  const caps = BigInt(`0x${line[1]}`)
  const has = (bit: bigint): boolean => ((caps >> bit) & 1n) === 1n
  return wanted.filter(({ bit, within }) => !has(bit) && (within === undefined || !has(within))).map(({ name }) => name)
}

function readStatus(): string {
  try {
    return readFileSync('/proc/self/status', 'utf8')
  } catch {
    return ''
  }
}
