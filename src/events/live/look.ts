/**
 * Looking at what /proc has of processes, without waiting for what may never come. A workload can make anything there hang that says more
 * than its name: `stat` of a file whose server is dead, and on recent kernels every link of a process that waits for such a server in the
 * midst of an execve. So threads of the addon look (native/addon/live.c), and what does not answer in time is not known.
 */
import type { ByteText } from '../../values/value.ts'
import { type NativeAddon, loadAddon } from './native-addon.ts'

export type Question =
  /** The first `limit` bytes of a file. */
  | { readonly kind: 'read'; readonly name: string; readonly limit: number }
  | { readonly kind: 'link'; readonly name: string }
  /** Of the file that the link leads to. */
  | { readonly kind: 'stat'; readonly name: string }
  /** The link, and mode, inode and device of the file that it leads to, if it is one. */
  | { readonly kind: 'file'; readonly name: string }

export interface LookStat {
  readonly mode: number
  readonly ino: bigint
  readonly dev: number
  readonly uid: number
  readonly gid: number
  readonly ctimeNs: bigint
  readonly mtimeNs: bigint
}

/** Of each question what is known: undefined where the file is gone, may not be read, or does not answer. One character a byte. */
export interface Answers {
  /** Whether it answered, if only that there is nothing. */
  has(question: number): boolean
  text(question: number): ByteText | undefined
  stat(question: number): LookStat | undefined
}

/** Of the addon. */
const REQUEST_BYTES = 32 * 1024
const ANSWER_BYTES = 256 * 1024
const STAT_BYTES = 56
const LINK_BYTES = 4096
const LETTERS: Readonly<Record<Question['kind'], string>> = { read: 'r', link: 'l', stat: 's', file: 'f' }

const request = Buffer.alloc(REQUEST_BYTES)
const answer = Buffer.alloc(ANSWER_BYTES)
const view = new DataView(answer.buffer, answer.byteOffset, answer.byteLength)

let addon: NativeAddon | undefined

/** Whether there is somebody to look: the addon, which live events need in any case. */
export function canLook(): boolean {
  try {
    addon ??= loadAddon()
    return true
  } catch {
    return false
  }
}

/**
 * Answers about what is below the folder `base` of the thread `tid`. They are valid until the next call. Takes as long as reading does,
 * and a few tenths of a second where something does not answer; after that the same process is not asked while it does not.
 * Throws a `LiveError` where there is no addon.
 */
export function look(base: string, tid: number, questions: readonly Question[]): Answers {
  let bytes = 0
  for (const question of questions) {
    const limit = question.kind === 'read' ? question.limit : question.kind === 'stat' ? 0 : LINK_BYTES
    bytes += request.write(`${LETTERS[question.kind]}${limit} ${base}/${question.name}\0`, bytes, 'latin1')
  }
  addon ??= loadAddon()
  return new ToldAnswers(addon.look(tid, request.subarray(0, bytes), answer), questions)
}

/** How often a process did not answer, or not wholly. */
export function countUnanswered(): number {
  addon ??= loadAddon()
  return addon.unanswered()
}

class ToldAnswers implements Answers {
  readonly #questions: readonly Question[]
  /** Where the answer to each begins, and its length; negative where there is none. */
  readonly #at: number[] = []
  readonly #length: number[] = []

  constructor(told: number, questions: readonly Question[]) {
    this.#questions = questions
    for (let at = 0; at + 4 <= told; ) {
      const length = view.getInt32(at, true)
      this.#at.push(at + 4)
      this.#length.push(length)
      at += 4 + (length > 0 ? (length + 3) & ~3 : 0)
    }
  }

  has(question: number): boolean {
    return question < this.#at.length
  }

  text(question: number): ByteText | undefined {
    const at = this.#at[question]
    const length = this.#length[question] ?? -1
    if (at === undefined || length < 0) return undefined
    const skipped = this.#questions[question]!.kind === 'file' ? STAT_BYTES : 0
    return answer.latin1Slice(at + skipped, at + length)
  }

  stat(question: number): LookStat | undefined {
    const at = this.#at[question]
    if (at === undefined || this.#length[question]! < STAT_BYTES) return undefined
    const mode = Number(view.getBigUint64(at, true))
    if (mode === 0) return undefined
    return {
      mode,
      ino: view.getBigUint64(at + 8, true),
      dev: Number(view.getBigUint64(at + 16, true)),
      uid: Number(view.getBigUint64(at + 24, true)),
      gid: Number(view.getBigUint64(at + 32, true)),
      ctimeNs: view.getBigUint64(at + 40, true),
      mtimeNs: view.getBigUint64(at + 48, true),
    }
  }
}
