/**
 * Keeps what is known of names from one start of the agent to the next, in a file that is replaced as a whole: read once, written every
 * minute or so and at the end. Parts come from the worker when they are asked for, so at most one is under way.
 */
import { readFileSync, statSync } from 'node:fs'
import { mkdir, open, rename, rm, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { messageOf } from '../diagnostics/message-of.ts'
import type { BindingFact } from '../domains/binding.ts'
import { newSum, parseSavedNames, renderSavedEnd, renderSavedHeader, restorableFacts } from '../domains/saved-names.ts'
import { procRoot } from '../events/live/proc-root.ts'
import { startOfProcess } from '../events/live/proc-stat.ts'
import type { SavedNamesPart } from '../wire/agent-messages.ts'

/** Where the service keeps what it knows (packaging/systemd). */
export const SERVICE_STATE = '/var/lib/tiercel/names.jsonl'

/** A full index takes less than half of it. */
const MAX_FILE_BYTES = 256 * 1024 * 1024

export interface NameStoreOptions {
  readonly path: string
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Says, once until it goes well again, that something does not. */
  readonly onTrouble: (message: string) => void
  /** In place of this machine's; for tests. */
  readonly bootId?: string
  readonly startOf?: (pid: number) => number | undefined
}

export class NameStore {
  readonly #options: NameStoreOptions
  readonly #bootId: string
  readonly #startOf: (pid: number) => number | undefined
  #file: FileHandle | undefined = undefined
  #sum = newSum()
  #starts = new Map<number, number>()
  /** What was asked of the file system so far; never rejects. */
  #done: Promise<void> = Promise.resolve()
  #isInTrouble = false

  constructor(options: NameStoreOptions) {
    this.#options = options
    this.#bootId = options.bootId ?? bootId()
    this.#startOf = options.startOf ?? startOfProcess
  }

  /** What an earlier run saved and what still holds of it; nothing where there is no such file, and where it is damaged. */
  restore(): readonly BindingFact[] {
    const { path, now, onTrouble } = this.#options
    let text: string
    try {
      const { size } = statSync(path)
      if (size > MAX_FILE_BYTES) throw new Error('it is too large to be ours')
      text = readFileSync(path, 'utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
        onTrouble(`the saved names \`${path}\` cannot be read: ${messageOf(error)}`)
      return []
    }
    const parsed = parseSavedNames(text)
    if (!parsed.ok) {
      onTrouble(`the saved names \`${path}\` are not used: ${parsed.message}`)
      return []
    }
    const context = { bootId: this.#bootId, nowMs: now(), startOf: this.#startOf }
    return [...restorableFacts(parsed.saved, context)]
  }

  /** Writes the next part; resolves when the one after it may come. With the last one the file takes the place of the former. */
  take(part: SavedNamesPart): Promise<void> {
    this.#done = this.#done.then(() => this.#write(part)).catch((error: unknown) => this.#giveUp(error))
    return this.#done
  }

  /** Ends what is under way without a last part; what was saved before stays. */
  async close(): Promise<void> {
    await this.#done
    await this.#discard()
  }

  async #write(part: SavedNamesPart): Promise<void> {
    const { path, now } = this.#options
    if (part.isFirst) {
      await this.#discard()
      await mkdir(dirname(path), { recursive: true, mode: 0o700 })
      this.#file = await open(temporary(path), 'w', 0o600)
      this.#sum = newSum()
      this.#starts = new Map()
      await this.#append(this.#file, renderSavedHeader({ bootId: this.#bootId, savedMs: now() }))
    }
    const file = this.#file
    if (file === undefined) return
    for (const pid of part.pids) {
      const start = this.#starts.has(pid) ? undefined : this.#startOf(pid)
      if (start !== undefined) this.#starts.set(pid, start)
    }
    await this.#append(file, part.text)
    if (!part.isLast) return
    await file.writeFile(renderSavedEnd(this.#starts, this.#sum))
    await file.sync()
    this.#file = undefined
    await file.close()
    await rename(temporary(path), path)
    this.#isInTrouble = false
  }

  async #append(file: FileHandle, text: string): Promise<void> {
    this.#sum.update(text)
    await file.writeFile(text)
  }

  async #giveUp(error: unknown): Promise<void> {
    await this.#discard()
    if (!this.#isInTrouble) this.#options.onTrouble(`names cannot be saved: ${messageOf(error)}`)
    this.#isInTrouble = true
  }

  async #discard(): Promise<void> {
    const file = this.#file
    if (file === undefined) return
    this.#file = undefined
    await file.close().catch(() => {})
    await rm(temporary(this.#options.path), { force: true }).catch(() => {})
  }
}

function temporary(path: string): string {
  return `${path}.new`
}

/** Of this boot of the machine; '' where it is not told. */
export function bootId(): string {
  try {
    return readFileSync(`${procRoot()}/sys/kernel/random/boot_id`, 'latin1').trim()
  } catch {
    return ''
  }
}
