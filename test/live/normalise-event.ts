/** What is of the moment in an event's parameters: replaced by a word, so that recordings of two runs can be compared. */
import type { RunEvent, RunThread } from './recorded-run.ts'

/** Numbers of which only counts whether they are there. */
const PRESENCE: ReadonlySet<string> = new Set([
  // inodes and devices of the file systems at hand, times of files
  ...['dev', 'ino', 'exe_ino', 'exe_ino_ctime', 'exe_ino_mtime'],
  // kernel addresses, times since boot
  ...['source', 'peer', 'pidns_init_start_ts'],
])

/** What the machine had loaded before; the counters of memory are those of the CPU. */
const OF_THE_MOMENT: ReadonlySet<string> = new Set([...['pgft_maj', 'pgft_min', 'vm_size', 'vm_rss', 'vm_swap']])

/** Events that are not laid side by side: how often they come is the machine's and the moment's. */
const EVENTS_WITHOUT_ORDER: ReadonlySet<string> = new Set(['page_fault', 'switch', 'signaldeliver', 'futex'])

/** Calls whose ids are those of the caller's namespace. */
const SIGNALS = /^(kill|tkill|tgkill|setpgid|prlimit|pidfd_open)$/

/** Numbers of fds: in a program with threads they depend on who came first. */
const FDS = /^(fd|fd1|fd2|fdin|fdout|dirfd|olddirfd|newdirfd)$/

/** Programs that walk directories and files of which there are others here, or that move their work between threads as it comes. */
const WITHOUT_ORDER: ReadonlySet<string> = new Set([
  ...[
    'git',
    'git-upload-pack',
    'tar',
    'gzip',
    'find',
    'grep',
    'xargs',
    'sort',
    'uniq',
    'head',
    'wc',
    'sed',
    'awk',
    'rm',
  ],
  ...['dpkg', 'dpkg-query', 'netstat', 'w', 'who', 'uptime', 'ifconfig', 'gcc', 'cc1', 'as', 'ld', 'collect2'],
  ...['dig', 'runc', 'strace', 'sudo'],
])

/** Addresses in the memory of the program, laid out anew at each start; small ones are errors or NULL. */
const ADDRESSES: ReadonlySet<string> = new Set([
  ...['mmap.res', 'mmap.addr', 'munmap.addr', 'mprotect.addr', 'brk.res', 'brk.addr', 'futex.addr', 'mlock.addr'],
  ...['ioctl.argument', 'seccomp.op', 'ptrace.addr', 'fcntl.arg'],
])

/** Ids as a process of its own namespace counts them. */
const OWN_PIDS: ReadonlySet<string> = new Set(['vtid', 'vpid', 'vpgid'])
const PIDS: ReadonlySet<string> = new Set([
  ...['tid', 'pid', 'ptid', 'pgid', 'reaper_tid', 'dpid', 'tgid'],
  ...['clone.res', 'clone3.res', 'fork.res', 'vfork.res', 'setsid.res'],
])

const NAMES: readonly (readonly [RegExp, string])[] = [
  [/\bwl\.\w{4}\b/g, 'wl.*'],
  [/\/tmp\/(tmp|cc)\w{6,8}/g, '/tmp/$1*'],
  [/\b\d{4}\/\d\d\/\d\d\b/g, '<date>'],
  [/\/runc\.\w{6}\b/g, '/runc.*'],
  [/\/state-\d+/g, '/state-*'],
  [/\w{3} +\d+ (<time>|\d\d:\d\d)/g, '<date>'],
  // a line of /proc/PID/stat, and a random id by `od`
  [/^(\d+ \(\S+\)) [A-Z] [-\d ]+$/, '$1 …'],
  [/^( [0-9a-f]{2}){16}\n[0-9a-f \n]*$/, '<random>'],
  [/\btmp_obj_\w{6}/g, 'tmp_obj_*'],
  [/\b[0-9a-f]{64}\b/g, '<id>'],
  [/\/proc\/\d+/g, '/proc/<pid>'],
  [/\/dev\/pts\/\d+/g, '/dev/pts/*'],
  [/\b\d\d:\d\d:\d\d\b/g, '<time>'],
  [/\b\w{3}, \d\d \w{3} \d{4}.*/g, '<date>'],
  [/\b[\d.e-]+ s, [\d.]+ .?B\/s/g, '<speed>'],
  [/\bLinux (\S+) \d+\.\d+\.\S+/g, 'Linux $1 <release>'],
  [/\/tmp\/[a-z0-9_]{8}(?=$|")/g, '/tmp/<name>'],
  [/', [3-6]\d{4}, 0/g, "', <port>, 0"],
  [/\bff[0-9a-f]{14}\b/g, '<address>'],
]

/** A port that the kernel chose. */
const EPHEMERAL = /:(3276[89]|327[7-9]\d|32[89]\d\d|3[3-9]\d{3}|[4-6]\d{4})\b/g

/** Parameters by name with words for what is of the moment. */
export function normaliseEvent(event: RunEvent, thread: RunThread): Readonly<Record<string, string>> {
  const args: Record<string, string> = {}
  for (const [name, value] of Object.entries(event.args)) {
    if (value !== undefined) args[name] = normaliseParam(event.name, name, value, thread)
  }
  return args
}

function normaliseParam(event: string, name: string, value: unknown, thread: RunThread): string {
  if (SIGNALS.test(event) && (name === 'pid' || name === 'tid' || name === 'tgid'))
    return Number(value) > 0 ? 'pid' : String(value)
  if (OF_THE_MOMENT.has(name) || OF_THE_MOMENT.has(`${event}.${name}`)) return '*'
  if (name === 'tty') return Number(value) === 0 ? '0' : 'some'
  if (PRESENCE.has(name)) return Number(value) === 0 ? '0' : value === null ? 'null' : 'some'
  if (OWN_PIDS.has(name)) return pidWord(Number(value), thread.ownId, thread.parent?.ownId)
  if (PIDS.has(name) || PIDS.has(`${event}.${name}`)) {
    // Which of its threads the parent made this process with is of the moment: the Go runtime of runc moves between them.
    const pid = Number(value)
    const isOfParent = thread.parent?.children.some(each => each.isThread && each.tid === pid) === true
    return isOfParent ? 'parent' : pidWord(pid, thread.tid, thread.parent?.tid)
  }
  if (ADDRESSES.has(`${event}.${name}`)) {
    const number = Number(typeof value === 'object' && value !== null && 'value' in value ? value.value : value)
    return Math.abs(number) < 65536 ? String(number) : '<address>'
  }
  if (mayHaveThreads(thread) && FDS.test(name) && Number(value) > 2) return '<fd>'
  if (typeof value === 'object' && value !== null && 'base64' in value && (name === 'data' || name === 'msgcontrol'))
    return `<${Buffer.from(String(value.base64), 'base64').length} bytes>`
  let text = typeof value === 'string' ? value : JSON.stringify(value)
  for (const [pattern, word] of NAMES) text = text.replace(pattern, word)
  if (name === 'tuple' || name === 'addr') text = text.replace(EPHEMERAL, ':<port>')
  return text
}

/** Whether it has threads, or would have on a machine of other processors. */
function mayHaveThreads(thread: RunThread): boolean {
  const isGit = thread.programs.at(-1)?.endsWith('/git') === true
  return isGit || thread.isThread || thread.children.some(child => child.isThread)
}

/** Whether the events of a program, of this kind, can be laid side by side. */
export function isOrdered(program: string, event: string): boolean {
  return !WITHOUT_ORDER.has(program) && !EVENTS_WITHOUT_ORDER.has(event)
}

function pidWord(pid: number, self: number, parent: number | undefined): string {
  if (!(pid > 0)) return String(pid)
  if (pid === self) return 'self'
  return pid === parent ? 'parent' : 'pid'
}
