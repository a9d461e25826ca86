import type { GroupEntry, InterfaceEntry, UserEntry } from '../events/source.ts'
import type { ByteText, Ip } from '../values/value.ts'
import type { Container } from './container.ts'
import type { FdTable } from './fd-table.ts'
import type { Thread } from './thread.ts'

/** The fds of a process, for those who only look. */
export type FdView = Pick<FdTable, 'size' | 'peek' | 'values'>

/** The host's state that events refer to: questions only; `HostState` changes it. */
export interface Machine {
  readonly hostname: string
  readonly bootTsNs: bigint
  readonly cpuCount: number
  readonly threads: Pick<ReadonlyMap<number, Thread>, 'get'>
  /** User by uid as seen by a container ('' is the host). */
  user(containerId: string, uid: number): UserEntry | undefined
  group(containerId: string, gid: number): GroupEntry | undefined
  readonly interfaces: readonly InterfaceEntry[]
  /** Whether the address is one of this machine's interfaces'. */
  isLocal(ip: Ip): boolean
  /** '' is the host. */
  container(id: string): Container | undefined
  readonly containers: ReadonlyMap<string, Container>
  /** The parent, as the process tree knows it. */
  parentOf(thread: Thread): Thread | undefined
  /** The working directory of the thread's process, ending in `/`. */
  cwdOf(thread: Thread): ByteText
  envOf(thread: Thread): readonly ByteText[]
  /** The fds the thread sees: its process's; undefined when the process is not known. */
  fdsOf(thread: Thread): FdView | undefined
}
