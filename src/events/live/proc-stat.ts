/** `/proc/<pid>/stat` (proc_pid_stat(5)), and the clock by which it tells when a process began. */
import type { ByteText } from '../../values/value.ts'
import { canLook, look } from './look.ts'
import { readSmall } from './proc-files.ts'
import { procRoot } from './proc-root.ts'

/** Where they are among the fields behind the name. */
export const STAT_PGID = 2
export const STAT_SID = 3
export const STAT_TTY = 4
export const STAT_FLAGS = 6
export const STAT_MINFLT = 7
export const STAT_MAJFLT = 9
export const STAT_START = 19

/** Hundredths of a second, on every machine (USER_HZ). */
export const TICK_MS = 10

/** The fields behind the name, which may hold anything; the first of them is the state. */
export function parseStat(text: string): readonly number[] {
  return text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number)
}

/** In ticks since the boot; undefined when there is no such process, or it does not answer. */
export function startOfProcess(pid: number | 'self', proc: string = procRoot()): number | undefined {
  const text = pid === 'self' || !canLook() ? readSmall(`${proc}/${pid}/stat`) : lookAtStat(pid, proc)
  const ticks = parseStat(text ?? '')[STAT_START]
  return Number.isSafeInteger(ticks) ? ticks : undefined
}

function lookAtStat(pid: number, proc: string): ByteText | undefined {
  return look(`${proc}/${pid}`, pid, [{ kind: 'read', name: 'stat', limit: 4096 }]).text(0)
}

/** How long the machine has been up; undefined where nobody says. */
export function readUptimeMs(proc: string = procRoot()): number | undefined {
  const uptime = Number.parseFloat(readSmall(`${proc}/uptime`) ?? '')
  return Number.isNaN(uptime) ? undefined : uptime * 1000
}
