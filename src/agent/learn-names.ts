/**
 * What each workload was seen to connect to, by name where the name is beyond doubt and by address where it is not: what `tiercel learn`
 * writes a rule from. A workload is a container's image, else the container, else a program of the host.
 */
import { isDoubtful } from '../domains/binding.ts'
import type { NameIndex } from '../domains/name-index.ts'
import type { CurrentEvent } from '../state/current-event.ts'
import { fieldByName } from '../fields/catalogue.ts'
import { unmapIp } from '../values/ip.ts'
import { printable } from '../values/socket-text.ts'
import type { ByteText, Ip, Value } from '../values/value.ts'

/** The connections that are learnt and judged: outbound, made or under way, and not those to servers of DNS. */
export const LEARNED_CONNECTIONS: string =
  'evt.type = connect and fd.typechar in (4, 6) and (evt.rawres >= 0 or evt.res = EINPROGRESS) ' +
  'and not fd.snet in ("127.0.0.0/8", "::1/128") and fd.sport != 0 and not (fd.l4proto = udp and fd.sport = 53)'

/** A check of the rules' language. */
export interface ScopeCheck {
  readonly field: string
  readonly op: '=' | 'exists' | 'startswith'
  readonly value?: ByteText
  readonly isNegated: boolean
}

/** What tells a workload from others: checks that must all hold. */
export interface WorkloadScope {
  readonly kind: 'image' | 'container' | 'program' | 'all'
  /** As people call it; '' for all. */
  readonly label: ByteText
  readonly checks: readonly ScopeCheck[]
}

/** How often, when, by whom, to where. */
export interface Sightings {
  count: number
  firstMs: number
  lastMs: number
  /** A few. */
  readonly programs: Set<string>
  readonly ports: Set<number>
  /** How the name was known. */
  readonly evidence: Set<string>
  /** Of an address: names that only the client, or a server that is not trusted, says. */
  readonly claims: Set<string>
}

export interface Workload {
  readonly scope: WorkloadScope
  readonly names: Map<string, Sightings>
  readonly addresses: Map<Ip, Sightings>
  /** Names and addresses left out because there were too many. */
  leftOut: number
}

export interface LearnOptions {
  /** All that is seen is one workload. */
  readonly asOne?: boolean
  readonly maxWorkloads?: number
  readonly maxPerWorkload?: number
}

const MAX_SAMPLES = 4

export class NameLearner {
  readonly #names: NameIndex
  readonly #asOne: boolean
  readonly #maxWorkloads: number
  readonly #maxPerWorkload: number
  readonly #workloads: Map<string, Workload> = new Map()
  /** Connections learnt from; of workloads left out because there were too many. */
  connections = 0
  leftOut = 0
  firstMs: number = Number.POSITIVE_INFINITY
  lastMs: number = Number.NEGATIVE_INFINITY

  constructor(names: NameIndex, options: LearnOptions = {}) {
    this.#names = names
    this.#asOne = options.asOne ?? false
    this.#maxWorkloads = options.maxWorkloads ?? 1000
    this.#maxPerWorkload = options.maxPerWorkload ?? 10_000
  }

  get workloads(): readonly Workload[] {
    return [...this.#workloads.values()]
  }

  /** Takes in an event that `LEARNED_CONNECTIONS` takes. */
  learn(event: CurrentEvent): void {
    const { thread, timeMs } = event
    const server = readAddress(event) as Ip | undefined
    if (thread === undefined || server === undefined) return
    const workload = this.#workloadOf(event)
    if (workload === undefined) {
      this.leftOut++
      return
    }
    this.connections++
    this.firstMs = Math.min(this.firstMs, timeMs)
    this.lastMs = Math.max(this.lastMs, timeMs)
    const ip = unmapIp(server)
    const bindings = this.#names.bindingsOf(ip, event)
    const best = bindings.find(binding => !isDoubtful(binding))
    const seen =
      best === undefined
        ? this.#sightings(workload, workload.addresses, ip, timeMs)
        : this.#sightings(workload, workload.names, best.name, timeMs)
    if (seen === undefined) return
    seen.count++
    seen.lastMs = timeMs
    addSome(seen.programs, printable((thread.main ?? thread).comm))
    const port = readPort(event)
    if (typeof port === 'number') addSome(seen.ports, port)
    if (best !== undefined) seen.evidence.add(best.evidence)
    else for (const binding of bindings) addSome(seen.claims, binding.name)
  }

  #workloadOf(event: CurrentEvent): Workload | undefined {
    const scope = this.#asOne ? ALL : scopeOf(event)
    const key = `${scope.kind}\0${scope.checks.map(({ field, value }) => `${field}\0${value}`).join('\0')}`
    const known = this.#workloads.get(key)
    if (known !== undefined || this.#workloads.size >= this.#maxWorkloads) return known
    const fresh: Workload = { scope, names: new Map(), addresses: new Map(), leftOut: 0 }
    this.#workloads.set(key, fresh)
    return fresh
  }

  #sightings<K>(workload: Workload, known: Map<K, Sightings>, key: K, atMs: number): Sightings | undefined {
    let seen = known.get(key)
    if (seen !== undefined) return seen
    if (workload.names.size + workload.addresses.size >= this.#maxPerWorkload) {
      workload.leftOut++
      return undefined
    }
    seen = {
      count: 0,
      firstMs: atMs,
      lastMs: atMs,
      programs: new Set(),
      ports: new Set(),
      evidence: new Set(),
      claims: new Set(),
    }
    known.set(key, seen)
    return seen
  }
}

const ALL: WorkloadScope = { kind: 'all', label: '', checks: [] }

function readerOf(name: string): (event: CurrentEvent) => Value | undefined {
  return fieldByName(name)!.bind(undefined)
}

// Read as rules read them, so that a rule means the workload that was seen.
const readContainer = readerOf('container.id')
const readName = readerOf('container.name')
const readImage = readerOf('container.image.repository')
const readProgram = readerOf('proc.exepath')
const readComm = readerOf('proc.name')
const readAddress = readerOf('fd.sip')
const readPort = readerOf('fd.sport')

/** What is found out later about a container must not make its connections those of two workloads. */
const NO_IMAGE = { field: 'container.image.repository', op: 'exists', isNegated: true } as const
const NO_NAME = { field: 'container.name', op: 'exists', isNegated: true } as const
const NO_PATH = { field: 'proc.exepath', op: 'startswith', value: '/', isNegated: true } as const

function scopeOf(event: CurrentEvent): WorkloadScope {
  const is = (field: string, value: ByteText): ScopeCheck => ({ field, op: '=', value, isNegated: false })
  const text = (value: Value | undefined): ByteText => (typeof value === 'string' ? value : '')
  const container = text(readContainer(event))
  if (container !== '' && container !== 'host') {
    const image = text(readImage(event))
    if (image !== '') return { kind: 'image', label: image, checks: [is('container.image.repository', image)] }
    const name = text(readName(event))
    if (name !== '') return { kind: 'container', label: name, checks: [is('container.name', name), NO_IMAGE] }
    return { kind: 'container', label: container, checks: [is('container.id', container), NO_IMAGE, NO_NAME] }
  }
  const path = text(readProgram(event))
  const host = is('container.id', 'host')
  if (path.startsWith('/')) return { kind: 'program', label: path, checks: [host, is('proc.exepath', path)] }
  const comm = text(readComm(event))
  return { kind: 'program', label: comm, checks: [host, is('proc.name', comm), NO_PATH] }
}

function addSome<T>(set: Set<T>, item: T): void {
  if (set.size < MAX_SAMPLES) set.add(item)
}
