import { readdirSync, readFileSync } from 'node:fs'
import type { Usage } from './metrics.ts'

/** What the agent and the host use now; `uptimeMs` is the agent's. What /proc does not tell is left out. */
export function readUsage(uptimeMs: number): Usage {
  const { user, system } = process.cpuUsage()
  const host = readHostCpu()
  // Node's own `memoryUsage` throws where there is no /proc.
  const own = readText('/proc/self/status') ?? ''
  return {
    cpuRatio: uptimeMs <= 0 ? 0 : (user + system) / 1000 / uptimeMs,
    rssBytes: bytesOf(/^VmRSS:\s+(\d+) kB/m.exec(own)),
    vszBytes: bytesOf(/^VmSize:\s+(\d+) kB/m.exec(own)),
    openFds: countFiles('/proc/self/fd'),
    hostCpuRatio: host?.ratio,
    hostMemoryUsedBytes: readHostMemory(),
    hostProcsRunning: host?.running,
    hostOpenFds: readNumber('/proc/sys/fs/file-nr'),
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return undefined
  }
}

function readNumber(path: string): number | undefined {
  const value = Number.parseInt(readText(path) ?? '', 10)
  return Number.isNaN(value) ? undefined : value
}

function bytesOf(kb: RegExpExecArray | null): number | undefined {
  return kb === null ? undefined : Number(kb[1]) * 1024
}

function countFiles(folder: string): number | undefined {
  try {
    return readdirSync(folder).length
  } catch {
    return undefined
  }
}

/** The share of CPU time since the boot that was not idle, and `procs_running` (proc_stat(5)). */
function readHostCpu(): { readonly ratio: number; readonly running: number | undefined } | undefined {
  const text = readText('/proc/stat')
  const times = /^cpu +(.*)$/m
    .exec(text ?? '')?.[1]
    ?.split(' ')
    .map(Number)
  if (times === undefined || times.length < 8) return undefined
  const total = times.slice(0, 8).reduce((sum, value) => sum + value, 0)
  const idle = times[3]! + times[4]!
  const running = /^procs_running (\d+)$/m.exec(text ?? '')?.[1]
  return {
    ratio: total === 0 ? 0 : (total - idle) / total,
    running: running === undefined ? undefined : Number(running),
  }
}

function readHostMemory(): number | undefined {
  const text = readText('/proc/meminfo') ?? ''
  const total = bytesOf(/^MemTotal:\s+(\d+) kB/m.exec(text))
  const available = bytesOf(/^MemAvailable:\s+(\d+) kB/m.exec(text))
  return total === undefined || available === undefined ? undefined : total - available
}
