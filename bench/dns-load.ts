/**
 * Loads of events for benchmarks of names: what processes that look names up and connect make the kernel say, as events in memory. Each can
 * be told to a sink again and again.
 */
import { readCapture } from '../src/events/capture/read-capture.ts'
import { attachBytes, createRecord, readRecord } from '../src/events/decode-record.ts'
import type { EventRecord } from '../src/events/event-record.ts'
import { eventTable } from '../src/events/event-table.ts'
import { NdjsonParser } from '../src/events/ndjson/read-ndjson.ts'
import type { SourceSink } from '../src/events/source.ts'
import { asRecords, clientHello } from '../src/domains/testdata/client-hello.ts'
import { dnsBytes } from '../src/domains/testdata/dns-bytes.ts'
import { Scene } from '../test/conformance/observed-names/scene.ts'

/** Tells the state, then the events; gives how many events that were. */
export type Load = (sink: SourceSink) => number

const LOOK_UPS = 20_000
const NAMES = 2000

/**
 * The extreme: a hundred processes that do what clients do, and nothing else: read the resolver's files, look a name up, connect, send a
 * ClientHello, get and send some data.
 */
export function lookUpsAlone(): Load {
  const scene = new Scene()
  for (let pid = 100; pid < 200; pid++) scene.process(pid)
  const data = Buffer.alloc(80, 0x17)
  for (let i = 0; i < LOOK_UPS; i++) {
    const pid = 100 + (i % 100)
    const { name, edge, ip } = host((i * 7) % NAMES)
    for (const file of ['/etc/resolv.conf', '/etc/hosts']) {
      scene
        .event(pid, 'openat', { fd: 4, dirfd: -100, name: file, flags: 'O_RDONLY' })
        .event(pid, 'close', { res: 0, fd: 4 })
    }
    scene.dns(pid, name, [
      { name, type: 'CNAME', data: edge },
      { name: edge, type: 'A', data: ip },
    ])
    const { fd } = scene.open(pid, `${ip}:443`, { isTcp: true, fd: 9 })
    scene.send(pid, fd, asRecords(clientHello({ name, padding: 200 })))
    for (let k = 0; k < 4; k++) scene.receive(pid, fd, data).send(pid, fd, data)
    scene.event(pid, 'close', { res: 0, fd })
  }
  const parts: Buffer[] = []
  const state = new Recorder()
  const encoder = new Encoder(state)
  for (const line of scene.lines) encoder.push(line, parts)
  return state.load(parts)
}

/**
 * A capture of a busy host in which every connection has a name: before each connect its process looks the name up, at a resolver on the same
 * host, so that each message is seen twice, and sends a ClientHello after it. Each process has `namesEach` names that it asks for in turn. How
 * many look-ups, and how many a second.
 */
export async function busyHost(
  path: string,
  namesEach: number,
): Promise<{ readonly load: Load; readonly lookUps: number; readonly perSecond: number }> {
  const parts: Buffer[] = []
  const state = new Recorder()
  const encoder = new Encoder(state)
  encoder.push({ kind: 'process', tid: RESOLVER, pid: RESOLVER, ptid: 1, comm: 'dnsmasq', exe: 'dnsmasq' }, parts)
  let lookUps = 0
  let firstNs: bigint | undefined
  let lastNs = 0n
  await readCapture(path, {
    ...state.sink,
    event: record => {
      firstNs ??= record.tsNs
      lastNs = record.tsNs
      const copy = Buffer.from(record.bytes.subarray(record.start, record.end))
      const remoteAt = remoteAddressAt(record)
      if (remoteAt < 0) {
        parts.push(copy)
        return true
      }
      const { name, edge, ip, second } = host((record.tid * 31 + ((lookUps * 7) % namesEach)) % NAMES)
      const client = `127.0.0.1:${20_000 + (lookUps % 40_000)}`
      const id = lookUps & 0xffff
      lookUps++
      const query = dnsBytes({ id, question: [name, 'A'] })
      const answers = [
        { name, type: 'CNAME', data: edge, ttl: 60 },
        ...[ip, second].map(data => ({ name: edge, type: 'A', data, ttl: 60 }) as const),
      ] as const
      const answer = dnsBytes({ id, isAnswer: true, question: [name, 'A'], answers })
      const say = (tid: number, type: string, args: object): void =>
        encoder.push({ type, ts: String(record.tsNs), tid, args }, parts)
      const moved = (bytes: Buffer): object => ({
        res: bytes.length,
        data: { base64: bytes.toString('base64') },
        size: bytes.length,
      })
      const { tid } = record
      const there = `${client}->${SERVER}`
      const back = `${SERVER}->${client}`
      say(tid, 'socket', { fd: FD, domain: 'AF_INET', type: 2, proto: 0, flags: 0 })
      say(tid, 'connect', { res: 0, tuple: there, fd: FD, addr: SERVER })
      say(tid, 'sendto', { ...moved(query), fd: FD, tuple: there })
      say(RESOLVER, 'recvfrom', { ...moved(query), fd: 4, tuple: there })
      say(RESOLVER, 'sendto', { ...moved(answer), fd: 4, tuple: back })
      say(tid, 'recvfrom', { ...moved(answer), fd: FD, tuple: back })
      say(tid, 'close', { res: 0, fd: FD })
      const bytes = ip.split('.').map(Number)
      for (const [i, byte] of bytes.entries()) copy[remoteAt - record.start + i] = byte
      parts.push(copy)
      const fd = Number(record.view.getBigInt64(record.paramAt[FD_OF_CONNECT]!, true))
      say(tid, 'sendto', { ...moved(asRecords(clientHello({ name, padding: 200 }))), fd, tuple: null })
      return true
    },
  })
  const seconds = Number(lastNs - (firstNs ?? 0n)) / 1e9
  return { load: state.load(parts), lookUps, perSecond: lookUps / seconds }
}

const RESOLVER = 4_000_053
const SERVER = '127.0.0.1:53'
const FD = 900

function host(i: number): { name: string; edge: string; ip: string; second: string } {
  return {
    name: `h${i}.shop.example`,
    edge: `edge${i % 50}.cdn.example`,
    ip: `192.0.${i >> 8}.${i & 255}`,
    second: `198.51.${100 + (i >> 8)}.${i & 255}`,
  }
}

const connect = eventTable.find(info => info.name === 'connect' && info.isExit && !info.isOld)!
const TUPLE_OF_CONNECT: number = connect.paramIndex.get('tuple')!
const FD_OF_CONNECT: number = connect.paramIndex.get('fd')!
const INET = 2
/** The longest tuple of IPv4: family, two addresses, two ports. */
const INET_TUPLE_BYTES = 13

/** Where a connect event over IPv4 has the address that it goes to; −1 for all other events. */
function remoteAddressAt(record: EventRecord): number {
  if (record.type !== connect.code || record.paramLen[TUPLE_OF_CONNECT] !== INET_TUPLE_BYTES) return -1
  const at = record.paramAt[TUPLE_OF_CONNECT]!
  return record.bytes[at] === INET ? at + 7 : -1
}

/** Keeps what a source tells of the state, to tell it again. */
class Recorder {
  readonly #told: ((sink: SourceSink) => void)[] = []
  readonly sink: SourceSink = {
    machine: machine => this.#told.push(sink => sink.machine(machine)),
    networkInterface: one => this.#told.push(sink => sink.networkInterface(one)),
    user: user => this.#told.push(sink => sink.user(user)),
    group: group => this.#told.push(sink => sink.group(group)),
    process: entry => this.#told.push(sink => sink.process(entry)),
    fd: (tid, entry) => this.#told.push(sink => sink.fd(tid, entry)),
    event: () => true,
  }

  load(parts: readonly Buffer[]): Load {
    const bytes = Buffer.concat(parts)
    return sink => {
      for (const tell of this.#told) tell(sink)
      const record = createRecord()
      attachBytes(record, bytes)
      for (let at = 0; at < bytes.length; record.num++) {
        at = readRecord(record, at, bytes.length)
        sink.event(record)
      }
      return parts.length
    }
  }
}

/** Lines as events. */
class Encoder {
  #parts: Buffer[] = []
  readonly #parser: NdjsonParser

  constructor(state: Recorder) {
    this.#parser = new NdjsonParser({
      ...state.sink,
      event: record => {
        this.#parts.push(Buffer.from(record.bytes.subarray(record.start, record.end)))
        return true
      },
    })
  }

  push(line: object, parts: Buffer[]): void {
    this.#parts = parts
    this.#parser.push(Buffer.from(`${JSON.stringify(line)}\n`))
  }
}
