/**
 * Writes a .scap capture that Falco, sysdig and this reader open, from what any source tells. Everything is synchronous and in constant
 * memory: blocks gather in a buffer that is written, or deflated into a gzip member of its own, when it is full. A file cut short by a
 * crash is thus readable up to the last full buffer.
 */
import { closeSync, openSync, writeSync } from 'node:fs'
import { gzipSync, type ZlibOptions } from 'node:zlib'
import type { EventRecord } from '../event-record.ts'
import type {
  FdEntry,
  GroupEntry,
  InterfaceEntry,
  MachineInfo,
  ProcessEntry,
  SourceSink,
  UserEntry,
} from '../source.ts'
import { ByteWriter } from '../byte-writer.ts'
import {
  EVENT_V2,
  EVENT_V2_LARGE,
  FD_LIST_V2,
  INTERFACE_LIST_V2,
  MACHINE_INFO,
  PROCESS_LIST_V9,
  SECTION_HEADER,
  SECTION_MAGIC,
  SECTION_MAJOR,
  SECTION_MINOR,
  USER_LIST_V2,
} from './capture-format.ts'
import {
  writeFd,
  writeGroup,
  writeInterface,
  writeMachineInfo,
  writeProcess,
  writeUser,
} from './write-state-entries.ts'

/** Bytes gathered before they are written; also where a process or fd list is continued in another block. */
const BUFFER_BYTES = 1024 * 1024
/** libscap reads no more than this in a block of the plain type: CPU, event, padding, trailer. */
const MAX_PLAIN_BODY = 65536

export interface WriteCaptureOptions {
  /** Compress; the default. */
  readonly gzip?: boolean
  /** 1 is fast, 9 is small; zlib's own level, 6, unless given. */
  readonly gzipLevel?: number
}

/** A sink that writes what it is told. `end` must be called; after it nothing may come. */
export class CaptureWriter implements SourceSink {
  /** Events written. */
  events = 0

  private readonly write: (bytes: Buffer) => void
  private readonly isGzip: boolean
  private readonly gzipOptions: ZlibOptions
  private readonly close: (() => void) | undefined
  private readonly out = new ByteWriter(BUFFER_BYTES + 128 * 1024)
  /** Readers keep one list of each of these, so that it may not be split. */
  private readonly interfaces = new ByteWriter()
  private readonly accounts = new ByteWriter()
  /** The process list under way. */
  private readonly processes = new ByteWriter()
  /** The fd list under way, of one thread, and those before it: they follow all processes, as in Falco's captures. */
  private readonly fds = new ByteWriter()
  private fdsTid = 0
  private fdLists: { readonly tid: number; readonly bytes: Buffer }[] = []

  /**
   * `write` gets the bytes of the file in order; they are valid during the call. What it throws comes out of the sink's calls. `close` is
   * called last.
   */
  constructor(write: (bytes: Buffer) => void, options: WriteCaptureOptions = {}, close?: () => void) {
    this.write = write
    this.close = close
    this.isGzip = options.gzip ?? true
    this.gzipOptions = options.gzipLevel === undefined ? {} : { level: options.gzipLevel }
    this.section()
  }

  /** Begins a second capture in the same file. */
  reset(): void {
    this.flushLists()
    this.section()
  }

  machine(info: MachineInfo): void {
    const start = this.begin(MACHINE_INFO)
    writeMachineInfo(this.out, info)
    this.finish(start)
  }

  networkInterface(entry: InterfaceEntry): void {
    writeInterface(this.interfaces, entry)
  }

  user(entry: UserEntry): void {
    writeUser(this.accounts, entry)
  }

  group(entry: GroupEntry): void {
    writeGroup(this.accounts, entry)
  }

  process(entry: ProcessEntry): void {
    writeProcess(this.processes, entry)
    if (this.processes.length >= BUFFER_BYTES) this.flushList(PROCESS_LIST_V9, this.processes)
  }

  fd(tid: number, entry: FdEntry): void {
    if (tid !== this.fdsTid || this.fds.length >= BUFFER_BYTES) this.endFdList()
    this.fdsTid = tid
    writeFd(this.fds, entry)
  }

  event(record: EventRecord): boolean {
    this.flushLists()
    const size = record.end - record.start
    const start = this.begin(size + 16 > MAX_PLAIN_BODY ? EVENT_V2_LARGE : EVENT_V2)
    this.out.u16(record.cpu)
    this.out.copy(record.bytes, record.start, record.end)
    this.finish(start)
    this.events++
    return true
  }

  /** Writes what is left. */
  end(): void {
    try {
      this.flush()
    } finally {
      this.close?.()
    }
  }

  private section(): void {
    const start = this.begin(SECTION_HEADER)
    this.out.u32(SECTION_MAGIC)
    this.out.u16(SECTION_MAJOR)
    this.out.u16(SECTION_MINOR)
    this.out.u64(-1)
    this.finish(start)
  }

  private begin(type: number): number {
    const start = this.out.length
    this.out.u32(type)
    this.out.u32(0)
    return start
  }

  private finish(start: number): void {
    const out = this.out
    out.zeros(-(out.length - start) & 3)
    const total = out.length - start + 4
    out.setU32(start + 4, total)
    out.u32(total)
    if (out.length >= BUFFER_BYTES) this.writeOut()
  }

  private endFdList(): void {
    if (this.fds.length > 0) this.fdLists.push({ tid: this.fdsTid, bytes: Buffer.from(this.fds.bytes()) })
    this.fds.clear()
  }

  private flushLists(): void {
    this.flushList(INTERFACE_LIST_V2, this.interfaces)
    this.flushList(USER_LIST_V2, this.accounts)
    this.flushList(PROCESS_LIST_V9, this.processes)
    this.endFdList()
    if (this.fdLists.length === 0) return
    for (const { tid, bytes } of this.fdLists) {
      const start = this.begin(FD_LIST_V2)
      this.out.u64(tid)
      this.out.copy(bytes, 0, bytes.length)
      this.finish(start)
    }
    this.fdLists = []
  }

  private flushList(type: number, list: ByteWriter): void {
    if (list.length === 0) return
    const start = this.begin(type)
    this.out.copy(list.bytes(), 0, list.length)
    list.clear()
    this.finish(start)
  }

  /** Writes what has gathered, so that a crash leaves it behind. The lists that come before events are complete with the first call. */
  flush(): void {
    this.flushLists()
    this.writeOut()
  }

  private writeOut(): void {
    if (this.out.length === 0) return
    const bytes = this.out.bytes()
    this.write(this.isGzip ? gzipSync(bytes, this.gzipOptions) : bytes)
    this.out.clear()
  }
}

/**
 * Creates or overwrites the file at `path`; `end` of the writer completes and closes it. Throws what the file system answers, as do the
 * sink's calls when the disk is full.
 */
export function openCaptureFile(path: string, options: WriteCaptureOptions = {}): CaptureWriter {
  const fd = openSync(path, 'w')
  const write = (bytes: Buffer): void => {
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at)
  }
  return new CaptureWriter(write, options, () => closeSync(fd))
}
