import type { LibraryCall } from '../events/library-call.ts'
import type { LiveSource } from './live-source.ts'

/** A function of a C library, and the mount namespace in which it was found. */
export interface FoundCall {
  readonly mntns: number
  readonly path: string
  readonly call: LibraryCall
  /** Where it begins in the file. */
  readonly offset: number
}

/** The libraries whose answers a source tells, until nobody lives any more in the mount namespace that has them. */
export class WatchedLibraries {
  /** What takes them back, by mount namespace. */
  readonly #watched: Map<number, (() => Promise<void>)[]> = new Map()

  /** Gives why it cannot be watched, where that is worth a word: a workload's may go away while it is looked for. */
  async watch(source: LiveSource, { mntns, path, call, offset }: FoundCall): Promise<Error | undefined> {
    try {
      const unwatch = await source.watchLibrary?.(path, call, offset)
      if (unwatch !== undefined) this.#watched.set(mntns, [...(this.#watched.get(mntns) ?? []), unwatch])
      return undefined
    } catch (error) {
      return mntns === 0 && error instanceof Error ? error : undefined
    }
  }

  drop(mntns: number): void {
    for (const unwatch of this.#watched.get(mntns) ?? []) void unwatch()
    this.#watched.delete(mntns)
  }
}
