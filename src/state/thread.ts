import type { ByteText } from '../values/value.ts'
import type { FdTable } from './fd.ts'

/** PPM clone flags that the state looks at, and marks of ours above them. */
export const CLONE_THREAD: number = 1 << 15

/** One thread. Text is `ByteText`; 64-bit numbers as in `Scalar`. Processes are their main thread (`tid === pid`). */
export class Thread {
  tid: number
  pid: number
  ptid: number
  sid = 0
  vpgid = 0
  pgid = 0
  vtid = 0
  vpid = 0
  /** `proc.name` */
  comm: ByteText = ''
  /** argv[0], `proc.exe` */
  exe: ByteText = ''
  exepath: ByteText = ''
  /** argv without argv[0] */
  args: readonly ByteText[] = []
  env: readonly ByteText[] = []
  /** Ends in `/` as Falco keeps it; on the main thread only, read through `Machine.cwdOf`. */
  cwd: ByteText = ''
  root: ByteText = ''
  /** `subsystem=path` items. */
  cgroups: readonly ByteText[] = []
  /** PPM clone flags. */
  flags = 0
  uid = 0
  gid = 0
  loginuid = 0xffffffff
  tty = 0
  fdlimit: number | bigint = -1
  vmSizeKb = 0
  vmRssKb = 0
  vmSwapKb = 0
  pfMajor: number | bigint = 0
  pfMinor: number | bigint = 0
  capInheritable: number | bigint = 0
  capPermitted: number | bigint = 0
  capEffective: number | bigint = 0
  exeWritable = false
  exeUpperLayer = false
  exeLowerLayer = false
  exeFromMemfd = false
  exeIno: number | bigint = 0
  exeInoCtime: number | bigint = 0
  exeInoMtime: number | bigint = 0
  /** ns since the epoch; 0n when unknown. */
  cloneTsNs = 0n
  lastExecTsNs = 0n
  pidnsInitStartTs: number | bigint = 0
  /** The process's main thread; the thread itself when it is one. Undefined when not known. */
  main: Thread | undefined = undefined
  /** fds of the process (shared by its threads). */
  fds: FdTable
  /** How many threads of this process are alive, kept on the main thread. */
  threadCount = 1
  /** Children alive. */
  childCount = 0
  /** 12-character container id, or '' on the host. */
  containerId = ''
  containerFullId = ''
  /** Texts worked out once until the next execve: `proc.cmdline`, `proc.args`, `proc.env`. Set to undefined when their parts change. */
  cmdlineText: ByteText | undefined = undefined
  argsText: ByteText | undefined = undefined
  envText: ByteText | undefined = undefined

  constructor(tid: number, pid: number, ptid: number, fds: FdTable) {
    this.tid = tid
    this.pid = pid
    this.ptid = ptid
    this.fds = fds
  }
}
