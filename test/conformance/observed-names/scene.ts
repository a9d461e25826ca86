// What processes did, as events: a test says it in steps and asks what the rules made of it.
import assert from 'node:assert/strict'
import type { HeldCounters } from '../../../src/agent/held-events.ts'
import { loadRules } from '../../../src/agent/load-rules.ts'
import { makeObserver, type ObserverSettings } from '../../../src/agent/make-observer.ts'
import { Pipeline } from '../../../src/agent/pipeline.ts'
import type { BindingFact } from '../../../src/domains/binding.ts'
import { NameIndex } from '../../../src/domains/name-index.ts'
import type { AddressEvidence } from '../../../src/engine/alert.ts'
import type { ObserverCounters } from '../../../src/domains/name-observer.ts'
import { NameListParser } from '../../../src/domains/parse-name-list.ts'
import {
  dnsBytes,
  type TestMessage,
  type TestRecord,
  type TypeName,
  withLength,
} from '../../../src/domains/testdata/dns-bytes.ts'
import { CloneFlag } from '../../../src/state/thread.ts'
import { NdjsonParser } from '../../../src/events/ndjson/read-ndjson.ts'
import { plainSetup } from '../../../src/agent/testdata/plain-setup.ts'

export const DNS_SERVER = '10.0.0.2:53'
export const START_NS = 1_777_888_800_000_000_000n

/** How an answer differs from what was asked for. */
export interface Exchange {
  readonly type?: TypeName
  readonly server?: string
  readonly rcode?: number
  /** The answer comes from elsewhere, has another id or another question. */
  readonly from?: string
  readonly id?: number
  readonly answered?: string
  /** Bytes of payload that the events have. */
  readonly snaplen?: number
  readonly isTruncated?: boolean
  /** The calls that send and receive. */
  readonly calls?: readonly [send: string, receive: string]
  /** A thread of the process receives. */
  readonly receiver?: number
}

function wrap(address: string): string {
  return address.includes(':') ? `[${address}]` : address
}

export class Scene {
  readonly lines: object[] = []
  #ns = START_NS
  #port = 40_000
  #id = 0x1000
  readonly #cgroups: Map<number, readonly string[]> = new Map()

  /** Lets time pass. */
  wait(seconds: number): this {
    this.#ns += BigInt(Math.round(seconds * 1e9))
    return this
  }

  process(pid: number, options: { readonly container?: string; readonly comm?: string } = {}): this {
    const { container, comm = `app${pid}` } = options
    const cgroups = container === undefined ? [] : [`cpu=/docker/${container.padEnd(64, '0')}`]
    this.#cgroups.set(pid, cgroups)
    this.lines.push({ kind: 'process', tid: pid, pid, ptid: 1, comm, exe: comm, cgroups })
    return this
  }

  thread(tid: number, pid: number): this {
    const flags = CloneFlag.thread | CloneFlag.files
    this.lines.push({ kind: 'process', tid, pid, ptid: 1, comm: `app${pid}`, exe: `app${pid}`, flags })
    return this
  }

  /** The thread lives in these network and mount namespaces from now on; process 1's are the host's. */
  namespaces(tid: number, net: number, mnt: number): this {
    return this.own(tid, 'tiercel_namespaces', `${net} ${mnt}`)
  }

  /** An event of our own. */
  own(tid: number, name: string, data: string | Buffer): this {
    return this.event(tid, 'asyncevent', { plugin_id: 0, name, data: { base64: Buffer.from(data).toString('base64') } })
  }

  /** `parent` makes a process that runs the same program in the same container. */
  fork(parent: number, child: number): this {
    const comm = `app${parent}`
    const cgroups = this.#cgroups.get(parent) ?? []
    const make = (tid: number, ptid: number, res: number): object => {
      return { res, exe: comm, args: [], tid, pid: tid, ptid, comm, cgroups, flags: 0, vtid: tid, vpid: tid }
    }
    return this.event(parent, 'clone', make(parent, 1, child)).event(child, 'clone', make(child, parent, 0))
  }

  event(tid: number, type: string, args: object): this {
    this.#ns += 1_000_000n
    this.lines.push({ type, ts: String(this.#ns), tid, args })
    return this
  }

  /** A connected socket: number, and the local end. */
  open(
    pid: number,
    peer: string,
    options: { readonly isTcp?: boolean; readonly fd?: number; readonly res?: number } = {},
  ): { fd: number; local: string } {
    const { isTcp = false, fd = 5, res = 0 } = options
    const isV6 = peer.startsWith('[')
    const local = `${isV6 ? '[2001:db8::10]' : '10.0.0.10'}:${this.#port++}`
    this.event(pid, 'socket', { fd, domain: isV6 ? 'AF_INET6' : 'AF_INET', type: isTcp ? 1 : 2, proto: 0, flags: 0 })
    this.event(pid, 'connect', { res, tuple: `${local}->${peer}`, fd, addr: peer })
    return { fd, local }
  }

  /** A TCP connection to `address` on port 443, and nothing sent. */
  connect(pid: number, address: string, port = 443): this {
    this.open(pid, `${wrap(address)}:${port}`, { isTcp: true, fd: 7 })
    return this
  }

  send(
    pid: number,
    fd: number,
    bytes: Buffer,
    options: { readonly call?: string; readonly tuple?: string; readonly snaplen?: number } = {},
  ): this {
    return this.#transfer(pid, fd, bytes, options.call ?? 'sendto', options.tuple, options.snaplen)
  }

  receive(
    pid: number,
    fd: number,
    bytes: Buffer,
    options: { readonly call?: string; readonly tuple?: string; readonly snaplen?: number } = {},
  ): this {
    return this.#transfer(pid, fd, bytes, options.call ?? 'recvfrom', options.tuple, options.snaplen)
  }

  /** A question over UDP and its answer, from one process. */
  dns(pid: number, name: string, answers: readonly TestRecord[] | readonly string[], exchange: Exchange = {}): this {
    const {
      type = 'A',
      server = DNS_SERVER,
      from = server,
      calls = ['sendto', 'recvfrom'],
      snaplen,
      receiver = pid,
    } = exchange
    const id = this.#id++ & 0xffff
    const { fd, local } = this.open(pid, server)
    const query = dnsBytes({ id, question: [name, type] })
    const withSnap = snaplen !== undefined && { snaplen }
    this.send(pid, fd, query, { call: calls[0], tuple: `${local}->${server}`, ...withSnap })
    const message = this.#answer(exchange.id ?? id, [exchange.answered ?? name, type], answers, exchange)
    this.receive(receiver, fd, dnsBytes(message), { call: calls[1], tuple: `${from}->${local}`, ...withSnap })
    return this.event(pid, 'close', { res: 0, fd })
  }

  /** The same over TCP; the answer comes in pieces of `pieceBytes`. */
  dnsOverTcp(
    pid: number,
    name: string,
    answers: readonly TestRecord[] | readonly string[],
    pieceBytes = 65_535,
    exchange: Exchange = {},
  ): this {
    const { type = 'A', snaplen } = exchange
    const id = this.#id++ & 0xffff
    const { fd } = this.open(pid, DNS_SERVER, { isTcp: true })
    const withSnap = snaplen !== undefined && { snaplen }
    this.send(pid, fd, withLength(dnsBytes({ id, question: [name, type] })), { call: 'write', ...withSnap })
    const bytes = withLength(dnsBytes(this.#answer(id, [name, type], answers, exchange)))
    for (let at = 0; at < bytes.length; at += pieceBytes)
      this.receive(pid, fd, bytes.subarray(at, at + pieceBytes), { call: 'read', ...withSnap })
    return this.event(pid, 'close', { res: 0, fd })
  }

  #answer(
    id: number,
    question: readonly [string, TypeName],
    answers: readonly TestRecord[] | readonly string[],
    exchange: Exchange,
  ): TestMessage {
    const { rcode = 0, isTruncated = false } = exchange
    const records = answers.map(
      (answer): TestRecord =>
        typeof answer === 'string'
          ? { name: question[0], type: answer.includes(':') ? 'AAAA' : 'A', data: answer, ttl: 30 }
          : answer,
    )
    return { id, isAnswer: true, question, answers: records, rcode, isTruncated }
  }

  #transfer(tid: number, fd: number, bytes: Buffer, call: string, tuple: string | undefined, snaplen = 65_535): this {
    const data = { base64: bytes.subarray(0, snaplen).toString('base64') }
    const size = { size: bytes.length }
    const withTuple =
      call === 'read' || call === 'write' || call === 'writev' || call === 'readv' ? {} : { tuple: tuple ?? null }
    return this.event(tid, call, { res: bytes.length, data, fd, ...size, ...withTuple })
  }
}

export interface Outcome {
  /** `rule: output`, in order. */
  readonly alerts: readonly string[]
  readonly counters: ObserverCounters
  readonly names: NameIndex
  readonly waits: HeldCounters
  /** Why, for each alert. */
  readonly evidence: readonly (readonly AddressEvidence[] | undefined)[]
}

export interface PlayOptions {
  readonly rules: string
  /** What is known besides, for all time. */
  readonly known?: readonly BindingFact[]
  readonly settings?: Partial<ObserverSettings>
  /** Lists of more names are not looked up. */
  readonly listLimit?: number
  /** How long verdicts wait for names, where a rule does not say. */
  readonly waitForNameMs?: number
  /** Configured lists: name and text. */
  readonly lists?: Readonly<Record<string, string>>
  readonly listMatch?: 'exact' | 'subdomains'
}

export function rule(name: string, condition: string, output = '%fd.sip.name'): string {
  return `- rule: ${name}\n  desc: d\n  condition: ${JSON.stringify(condition)}\n  output: ${JSON.stringify(output)}\n  priority: NOTICE\n`
}

const NO_FILE = { file: '', format: 'auto', match: 'exact' } as const

/** What rules about connections to servers are tried on. */
export const CONNECTS = 'evt.type = connect and fd.l4proto = tcp and fd.sport != 53'

/** Replays the scene. */
export function play(scene: Scene, options: PlayOptions): Outcome {
  const { rules, fields } = loadRules([{ path: 'rules.yaml', text: options.rules }], {
    ruleSelection: [],
    minPriority: 7,
    staticFields: new Map(),
    domains: { strict: false, lists: Object.keys(options.lists ?? {}).map(name => ({ name, ...NO_FILE })) },
  })
  const findings = rules.results.flatMap(result => result.findings).filter(f => f.diagnostic.severity === 'error')
  assert.deepEqual(
    findings.map(finding => finding.diagnostic.message),
    [],
  )
  assert.ok(rules.plan !== undefined)
  const names = new NameIndex()
  for (const fact of options.known ?? []) names.learn(fact, 0, { keep: true })
  for (const [name, text] of Object.entries(options.lists ?? {})) {
    const parser = new NameListParser({ format: 'auto', match: options.listMatch ?? 'exact', seed: 1 })
    parser.push(Buffer.from(text))
    names.setList(name, parser.end().list)
  }
  const observer = makeObserver({ dnsPorts: [53], trustedResolvers: [], ...options.settings }, names)
  const alerts: string[] = []
  const evidence: Outcome['evidence'][number][] = []
  const pipeline = new Pipeline({
    plan: rules.plan,
    fields,
    names,
    observer,
    ...plainSetup,
    explainsNames: true,
    ...(options.waitForNameMs !== undefined && { waitForNameMs: options.waitForNameMs }),
    ...(options.listLimit !== undefined && { listLimit: options.listLimit }),
    onAlert: alert => {
      alerts.push(`${alert.rule.name}: ${alert.text}`)
      evidence.push(alert.names)
    },
  })
  const parser = new NdjsonParser(pipeline.sink)
  for (const line of scene.lines) parser.push(Buffer.from(`${JSON.stringify(line)}\n`))
  parser.end()
  pipeline.finish()
  assert.deepEqual(parser.summary().problems, [])
  return { alerts, waits: pipeline.waits(), counters: observer.counters(), names, evidence }
}

/** A row of a table of scenes. */
export interface SceneCase extends PlayOptions {
  readonly name: string
  readonly scene: (scene: Scene) => void
  /** Alerts. */
  readonly want: readonly string[]
  /** Counters that must be as given. */
  readonly counts?: Partial<Outcome['counters']['dns']>
}

/** Plays a case and compares its alerts and counters. */
export function checkScene(c: SceneCase): void {
  const scene = new Scene()
  c.scene(scene)
  const { alerts, counters } = play(scene, c)
  assert.deepEqual(alerts, c.want)
  for (const [name, count] of Object.entries(c.counts ?? {}))
    assert.equal(counters.dns[name as keyof typeof counters.dns], count, name)
}
