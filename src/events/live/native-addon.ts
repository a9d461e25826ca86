/**
 * The native addon (native/addon), typed, and what the machine lets it do. The addon moves no bytes and words no errors: arguments are
 * checked here, and its errno and step become a `LiveError` that says what is missing.
 */
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { arch, cpus, platform, release } from 'node:os'
import { fileURLToPath } from 'node:url'
import { missingCapabilities, PROBE_CAPABILITIES } from './capabilities.ts'
import { LiveError } from './live-error.ts'

/** An open probe; only the addon looks into it. */
export interface NativeHandle {
  readonly native: unique symbol
}

/** A library that is watched. */
export interface NativeLibrary {
  readonly library: unique symbol
}

/** Errno values, 0 where it works. */
export interface NativeFeatures {
  readonly btf: number
  readonly ringBuffer: number
  readonly loader: number
}

export interface NativeAddon {
  probeFeatures(): NativeFeatures
  /** Begins to load the probe on a thread of its own. The next `open`, of any thread of the process, takes it if it wants these sizes. */
  loadEarly(options: { readonly ringBytes: number; readonly cpuCount: number }): void
  open(options: {
    readonly ringBytes: number
    readonly cpuCount: number
    readonly snapBytes: number
    readonly namesSnapBytes: number
    readonly genericIds: Uint16Array
  }): { readonly handle: NativeHandle; readonly data: ArrayBuffer }
  /** Gives back the last span and returns the length of the next one. */
  next(handle: NativeHandle, maxBytes: number): number
  setWanted(handle: NativeHandle, wanted: Uint8Array): void
  setFilter(
    handle: NativeHandle,
    filter: {
      readonly reads: Uint32Array | undefined
      readonly writes: Uint32Array | undefined
      readonly programs: Uint8Array
    },
  ): void
  setRunning(handle: NativeHandle, isRunning: boolean): void
  /** Eight sums, then told and lost of each CPU. */
  counters(handle: NativeHandle, out: Float64Array): void
  backlog(handle: NativeHandle): number
  /** Whether the probe saw a call that this thread just made. */
  beat(handle: NativeHandle): boolean
  /** This process's id in the first pid namespace. */
  selfPid(handle: NativeHandle): number
  wait(handle: NativeHandle, timeoutMs: number, wakeFirst: boolean): Promise<void>
  cancel(handle: NativeHandle): void
  close(handle: NativeHandle): void
  /**
   * Tells a function (its place in `LIBRARY_CALLS`), which begins at the offset, of every program that has the file loaded. Rejects with an
   * errno's name.
   */
  watchLibrary(handle: NativeHandle, path: string, call: number, offset: number): Promise<NativeLibrary>
  /** Once for each. */
  unwatchLibrary(library: NativeLibrary): Promise<void>
  /** Asks a thread of the addon about files (`look.ts`). Gives the bytes of answers; -1 where nobody could be asked. */
  look(tid: number, request: Uint8Array, answer: Uint8Array): number
  /** How often a process did not answer, or not wholly. */
  unanswered(): number
  /** Ends the process at once, and does not wait for threads that wait for a file system. */
  leave(code: number): never
  loadLog(): string
  layout(): Readonly<Record<string, number>>
  /** 1 for each system call number that has an event of its own. */
  supported(): Uint8Array
}

/** What stands between this process and live events, the first thing to cure first; empty when nothing does. */
export interface LiveFeatures {
  readonly missing: readonly { readonly code: LiveError['code']; readonly message: string }[]
}

/** Where the addon for this machine is expected. */
export function addonPath(): string {
  return fileURLToPath(new URL(`../../../native/build/tiercel-linux-${arch()}.node`, import.meta.url))
}

const ARCHITECTURES: readonly string[] = ['x64', 'arm64']

/** Loads the addon; throws a `LiveError` when it is not there or does not fit. */
export function loadAddon(path: string = addonPath()): NativeAddon {
  if (platform() !== 'linux') throw new LiveError('not-linux', `live events need Linux; this is ${platform()}`)
  if (!ARCHITECTURES.includes(arch()))
    throw new LiveError('no-addon', `live events are there for x64 and arm64; this is ${arch()}`)
  if (!existsSync(path))
    throw new LiveError(
      'no-addon',
      `the native addon is not built for this machine (${path}); run scripts/setup-native.sh as root`,
    )
  try {
    return createRequire(import.meta.url)(path) as NativeAddon
  } catch (cause) {
    throw new LiveError('no-addon', `the native addon does not load (${path})`, cause)
  }
}

/** CPUs that the machine may have; where /sys is not there, those that it has. Events of others would find no room. */
export function readCpuCount(possible: string = '/sys/devices/system/cpu/possible'): number {
  try {
    const last = /(\d+)\s*$/.exec(readFileSync(possible, 'latin1'))
    if (last !== null) return Number(last[1]) + 1
  } catch {}
  return Math.max(1, cpus().length)
}

/**
 * Begins to load the probe, which takes a tenth of a second and more, while this thread goes on. Whoever opens it next with a ring of this
 * size finds it loaded; what is wrong with it, if anything, is for them to tell.
 */
export function loadProbeEarly(ringBytes: number): void {
  try {
    loadAddon().loadEarly({ ringBytes, cpuCount: readCpuCount() })
  } catch (error) {
    if (!(error instanceof LiveError)) throw error
  }
}

const NEEDS_KERNEL = 'needs Linux 5.17 or newer'

/** Whether a release such as `6.1.0-18-amd64` is older than `major.minor`. */
export function isOlderKernel(text: string, major: number, minor: number): boolean {
  const m = /^(\d+)\.(\d+)/.exec(text)
  if (m === null) return false
  return Number(m[1]) < major || (Number(m[1]) === major && Number(m[2]) < minor)
}

/** Asks the machine what it lacks for live events, without loading the probe. */
export function probeFeatures(addon: NativeAddon): LiveFeatures {
  const missing: { code: LiveError['code']; message: string }[] = []
  const capabilities = missingCapabilities(PROBE_CAPABILITIES)
  if (capabilities.length > 0)
    missing.push({ code: 'no-permission', message: `needs root, or ${capabilities.join(' and ')}` })
  const features = addon.probeFeatures()
  if (features.btf !== 0)
    missing.push({
      code: 'no-btf',
      message: `no type information of the kernel (/sys/kernel/btf/vmlinux): ${NEEDS_KERNEL} with CONFIG_DEBUG_INFO_BTF`,
    })
  if (isOlderKernel(release(), 5, 17) && (features.ringBuffer !== 0 || features.loader !== 0))
    missing.push({ code: 'old-kernel', message: `${NEEDS_KERNEL}; this is ${release()}` })
  else if (capabilities.length === 0 && (features.ringBuffer !== 0 || features.loader !== 0))
    missing.push({
      code: 'no-permission',
      message: 'the kernel refuses BPF programs (a container without the bpf system call, or kernel lockdown)',
    })
  return { missing }
}
