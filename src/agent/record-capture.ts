/**
 * Writes what a source tells into captures: all of it, or the events that a condition takes; one file, or a new one whenever it is large or
 * old enough. A new file begins with the world as it is then, so that each can be replayed alone.
 */
import { rmSync } from 'node:fs'
import type { BindingFact } from '../domains/binding.ts'
import type { NameIndex } from '../domains/name-index.ts'
import type { NameObserver } from '../domains/name-observer.ts'
import type { NameUpdate } from '../domains/name-update.ts'
import { encodeNames, holdsNames, learnNames } from '../domains/names-event.ts'
import { CaptureWriter } from '../events/capture/write-capture.ts'
import { attachBytes, createRecord, readRecord } from '../events/decode-record.ts'
import type { EventRecord } from '../events/event-record.ts'
import { eventTable } from '../events/event-table.ts'
import { makeOwnEvent, ownEventData, type OwnEventName, ownEventName } from '../events/own-event.ts'
import type { GroupEntry, InterfaceEntry, MachineInfo, SourceSink, UserEntry } from '../events/source.ts'
import type { CurrentEvent } from '../state/current-event.ts'
import { HostState, stateSink } from '../state/host-state.ts'
import type { ByteText } from '../values/value.ts'
import type { EventFilter } from './event-filter.ts'
import { makeObserver } from './make-observer.ts'
import { tellState } from './tell-state.ts'

export interface RecordOptions {
  /** `out.scap`; with rotation `out-0001.scap` and so on. */
  readonly path: string
  readonly gzip: boolean
  readonly gzipLevel?: number
  readonly filter?: EventFilter
  /** With a filter: only events that match, not those that tell what processes became. */
  readonly exactly?: boolean
  /** A new file after so many bytes, or so many ns of events. */
  readonly maxBytes?: number
  readonly maxDurationNs?: bigint
  /** How many files are kept; older ones are removed. */
  readonly maxFiles?: number
  readonly maxThreads?: number
  /**
   * Learns what is known of names: the filter asks it, and in a recording that begins with names the replay of each file shall know what
   * events tell that the filter leaves out, and what was known when the file began.
   */
  readonly names?: NameIndex
  /** Opens the file; throws what the file system answers. */
  readonly open: (path: string) => { write(bytes: Buffer): void; close(): void }
}

/** Without these, what is recorded of a process tells of a stranger. */
const LIFE_EVENTS: ReadonlySet<string> = new Set([
  ...['clone', 'clone3', 'fork', 'vfork', 'execve', 'execveat', 'procexit', 'chdir', 'fchdir', 'chroot', 'setns'],
  ...['setuid', 'setgid', 'setreuid', 'setregid', 'setresuid', 'setresgid', 'setpgid', 'setsid', 'capset', 'prctl'],
  ...['container', 'asyncevent', 'useradded', 'userdeleted', 'groupadded', 'groupdeleted'],
])
const isLifeEvent: readonly boolean[] = eventTable.map(info => LIFE_EVENTS.has(info.name))

/** Of workloads whose files are known; more are not told anew. */
const MAX_WORKLOAD_FILES = 4096

interface WorkloadFile {
  readonly name: OwnEventName
  readonly data: ByteText
  readonly tid: number
  readonly mntns: number
}

/** Give its `sink` to a source, then call `end`. What the file system answers is thrown by either. */
export class CaptureRecorder {
  readonly sink: SourceSink
  events = 0
  bytes = 0
  /** Paths of the files that are there, the oldest first. */
  readonly files: string[] = []
  readonly #options: RecordOptions
  /** Only where a filter or a new file needs it: it costs as much as writing. */
  readonly #state: HostState | undefined
  readonly #stateSink: SourceSink | undefined
  /** With state and `names`. */
  readonly #observer: NameObserver | undefined
  /** Whether the recording has names: it began with some. */
  #hasNames = false
  /** What the event at hand tells of names. */
  readonly #facts: BindingFact[] = []
  readonly #namesRecord: EventRecord = createRecord()
  #writer: CaptureWriter
  #fileBytes = 0
  /** What the file had before its first event; undefined until then. */
  #worldBytes: number | undefined
  /** The latest of what was told of workloads' files, which each new file needs again; by kind and mount namespace. */
  readonly #workloadFiles = new Map<string, WorkloadFile>()
  #fileCount = 0
  #fileFromNs: bigint | undefined
  #machine: MachineInfo | undefined
  #interfaces: InterfaceEntry[] = []
  #users: UserEntry[] = []
  #groups: GroupEntry[] = []

  constructor(options: RecordOptions) {
    this.#options = options
    const needsState = options.filter !== undefined || this.#isRotating
    if (needsState) {
      this.#state = new HostState(options.maxThreads === undefined ? {} : { maxThreads: options.maxThreads })
      this.#stateSink = stateSink(this.#state, () => true)
      const { names } = options
      if (names !== undefined) {
        this.#state.current.names = names
        this.#observer = makeObserver({ dnsPorts: [53], trustedResolvers: [] }, names, fact => this.#facts.push(fact))
      }
    }
    this.#writer = this.#open()
    this.sink = {
      reset: () => {
        this.#stateSink?.reset?.()
        this.#forget()
        this.#writer.reset()
      },
      machine: info => {
        this.#machine = info
        this.#stateSink?.machine(info)
        this.#writer.machine(info)
      },
      networkInterface: entry => {
        this.#interfaces.push(entry)
        this.#stateSink?.networkInterface(entry)
        this.#writer.networkInterface(entry)
      },
      user: entry => {
        this.#users.push(entry)
        this.#stateSink?.user(entry)
        this.#writer.user(entry)
      },
      group: entry => {
        this.#groups.push(entry)
        this.#stateSink?.group(entry)
        this.#writer.group(entry)
      },
      process: entry => {
        this.#stateSink?.process(entry)
        this.#writer.process(entry)
      },
      fd: (tid, entry) => {
        this.#stateSink?.fd(tid, entry)
        this.#writer.fd(tid, entry)
      },
      event: record => this.#onEvent(record),
    }
  }

  /** Writes down what is known of names and no event tells: at the beginning, even if it is nothing, and whenever there is news. */
  tellNames(items: Iterable<BindingFact | NameUpdate>, tsNs: bigint): void {
    const { names } = this.#options
    this.#hasNames = true
    this.#writeNames(items, tsNs, record => names !== undefined && learnNames(record, names))
  }

  /** Writes what has gathered since events began, so that a crash leaves it behind. */
  flush(): void {
    if (this.#worldBytes !== undefined) this.#writer.flush()
  }

  /** Completes the last file. */
  end(): void {
    this.#writer.end()
  }

  get #isRotating(): boolean {
    return this.#options.maxBytes !== undefined || this.#options.maxDurationNs !== undefined
  }

  #onEvent(record: EventRecord): boolean {
    if (this.#worldBytes === undefined) this.#endWorld()
    else if (this.#isFull(record)) this.#nextFile(record)
    const { filter, exactly } = this.#options
    if (this.#state !== undefined) {
      const current = this.#state.apply(record)
      const isNames = this.#learn(current)
      if (this.#isRotating) {
        const name = ownEventName(record)
        if (name === 'tiercel_resolv_conf' || name === 'tiercel_hosts')
          this.#keepFile(name, ownEventData(record), record.tid)
      }
      if (filter !== undefined && !isNames && !(exactly !== true && isLifeEvent[record.type])) {
        if (!filter.matches(current)) {
          // The event is left out; what it tells of names is not.
          if (this.#hasNames && this.#facts.length > 0) this.#writeNames(this.#facts, record.tsNs)
          return true
        }
      }
    }
    this.#writer.event(record)
    this.events++
    return true
  }

  #writeNames(
    items: Iterable<BindingFact | NameUpdate>,
    tsNs: bigint,
    onRecord: (record: EventRecord) => void = () => {},
  ): void {
    const record = this.#namesRecord
    for (const bytes of encodeNames(items, tsNs)) {
      attachBytes(record, bytes)
      readRecord(record, 0, bytes.length)
      onRecord(record)
      this.#writer.event(record)
    }
  }

  /** Learns names from the event; whether it is there for nothing else. */
  #learn(current: CurrentEvent): boolean {
    const { names } = this.#options
    const observer = this.#observer
    if (names === undefined || observer === undefined) return false
    const { rec } = current
    this.#facts.length = 0
    if (observer.wants[rec.type] === 1) current.payload = observer.observe(current)
    if (!holdsNames(rec)) return false
    learnNames(rec, names)
    this.#hasNames = true
    return true
  }

  /** The world is on the disk before the events are, whatever happens to us. */
  #endWorld(): void {
    this.#writer.flush()
    this.#worldBytes = this.#fileBytes
  }

  #keepFile(name: OwnEventName, data: ByteText, tid: number): void {
    const mntns = Number(data.slice(0, data.indexOf('\n')))
    const key = `${name} ${mntns}`
    if (this.#workloadFiles.size < MAX_WORKLOAD_FILES || this.#workloadFiles.has(key))
      this.#workloadFiles.set(key, { name, data, tid, mntns })
  }

  /** Those of mount namespaces that are gone are forgotten. */
  #tellWorkloadFiles(tsNs: bigint): void {
    const there = new Set([0])
    for (const { mntns, isDead } of this.#state!.threads.values()) if (!isDead) there.add(mntns)
    for (const [key, { name, data, tid, mntns }] of this.#workloadFiles) {
      if (there.has(mntns)) this.#writer.event(makeOwnEvent({ name, data, tid, tsNs }))
      else this.#workloadFiles.delete(key)
    }
  }

  #isFull(record: EventRecord): boolean {
    const { maxBytes, maxDurationNs } = this.#options
    // Where the world alone is larger than that, events shall have as much room as it.
    if (maxBytes !== undefined && this.#fileBytes >= Math.max(maxBytes, 2 * (this.#worldBytes ?? 0))) return true
    if (maxDurationNs === undefined) return false
    this.#fileFromNs ??= record.tsNs
    return record.tsNs - this.#fileFromNs >= maxDurationNs
  }

  #nextFile(record: EventRecord): void {
    this.#writer.end()
    this.#writer = this.#open()
    this.#fileFromNs = record.tsNs
    const facts = { machine: this.#machine, interfaces: this.#interfaces, users: this.#users, groups: this.#groups }
    tellState(this.#state!, facts, this.#writer)
    const { names } = this.#options
    this.#tellWorkloadFiles(record.tsNs)
    if (names !== undefined && this.#hasNames) this.#writeNames(names.facts(), record.tsNs)
    this.#endWorld()
    const { maxFiles } = this.#options
    while (maxFiles !== undefined && this.files.length > maxFiles) rmSync(this.files.shift()!, { force: true })
  }

  #open(): CaptureWriter {
    const path = this.#isRotating ? numbered(this.#options.path, ++this.#fileCount) : this.#options.path
    const file = this.#options.open(path)
    this.files.push(path)
    this.#fileBytes = 0
    this.#worldBytes = undefined
    const write = (bytes: Buffer): void => {
      this.#fileBytes += bytes.length
      this.bytes += bytes.length
      file.write(bytes)
    }
    return new CaptureWriter(write, this.#options, () => file.close())
  }

  #forget(): void {
    this.#machine = undefined
    this.#interfaces = []
    this.#users = []
    this.#groups = []
  }
}

/** `dir/out.scap` → `dir/out-0001.scap`. */
function numbered(path: string, count: number): string {
  const number = String(count).padStart(4, '0')
  const dot = path.lastIndexOf('.')
  return dot > path.lastIndexOf('/') + 1 ? `${path.slice(0, dot)}-${number}${path.slice(dot)}` : `${path}-${number}`
}
