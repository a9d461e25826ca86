/**
 * Tells when files or folders change. Editors replace files and Kubernetes swaps links, so what is watched is the folder of each file, and
 * a change counts when the file there is another than before: other time, size, or inode, links followed.
 */
import { type FSWatcher, statSync, watch } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'

export interface WatchTargets {
  readonly files: readonly string[]
  /** Any file in them counts. */
  readonly folders: readonly string[]
}

/** A change is told when nothing more has changed for so long. */
const DEBOUNCE_MS = 100

export class FileWatch {
  readonly #onChange: () => void
  readonly #onFailure: (message: string) => void
  #watchers: FSWatcher[] = []
  #targets: WatchTargets = { files: [], folders: [] }
  #stamps = new Map<string, string>()
  #timer: NodeJS.Timeout | undefined

  /** `onFailure` is told in plain words of what cannot be watched; the rest is. */
  constructor(onChange: () => void, onFailure: (message: string) => void) {
    this.#onChange = onChange
    this.#onFailure = onFailure
  }

  /** Watches these and nothing else from now on. */
  set(targets: WatchTargets): void {
    this.#close()
    this.#targets = targets
    this.#stamps = this.#takeStamps()
    const folders = new Map<string, Set<string> | undefined>()
    for (const folder of targets.folders) folders.set(resolve(folder), undefined)
    for (const file of targets.files) {
      const folder = dirname(resolve(file))
      if (folders.has(folder) && folders.get(folder) === undefined) continue
      const names = folders.get(folder) ?? new Set()
      names.add(basename(file))
      folders.set(folder, names)
    }
    for (const folder of folders.keys()) this.#watchFolder(folder)
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#close()
  }

  #close(): void {
    for (const watcher of this.#watchers) watcher.close()
    this.#watchers = []
  }

  #watchFolder(folder: string): void {
    try {
      const watcher = watch(folder, { persistent: false }, () => this.#note())
      watcher.on('error', error => this.#onFailure(`changes in ${folder} are not noticed any more: ${error.message}`))
      this.#watchers.push(watcher)
    } catch (error) {
      this.#onFailure(`changes in ${folder} are not noticed: ${(error as Error).message}`)
    }
  }

  #note(): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#compare(), DEBOUNCE_MS)
    this.#timer.unref()
  }

  #compare(): void {
    const stamps = this.#takeStamps()
    const before = this.#stamps
    this.#stamps = stamps
    const isSame = stamps.size === before.size && [...stamps].every(([path, stamp]) => before.get(path) === stamp)
    if (!isSame) this.#onChange()
  }

  #takeStamps(): Map<string, string> {
    const stamps = new Map<string, string>()
    for (const path of [...this.#targets.files, ...this.#targets.folders]) stamps.set(path, stampOf(path))
    return stamps
  }
}

/** Differs when the file or folder does; '' when there is none. Where links lead counts. */
function stampOf(path: string): string {
  try {
    const stat = statSync(path, { bigint: true, throwIfNoEntry: false })
    return stat === undefined ? '' : `${stat.dev}:${stat.ino}:${stat.size}:${stat.mtimeNs}:${stat.ctimeNs}`
  } catch {
    return ''
  }
}
