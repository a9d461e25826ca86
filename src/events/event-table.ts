import { readFileSync } from 'node:fs'

/**
 * The event table: Falco's event codes, names, parameters and flag names, as data (schema 4.5.1, API 10.1.0 of falcosecurity/libs).
 * `events.json` and `flags.json` are facts taken from there and are never edited by hand.
 */
export interface EventParam {
  readonly name: string
  /** `PPM` type name, e.g. `FSPATH`. */
  readonly type: string
  readonly format: 'DEC' | 'HEX' | 'OCT' | 'NA'
  /** Flag or enum names in table order, for FLAGS*, ENUMFLAGS* and MODE parameters. */
  readonly flags?: readonly (readonly [string, number])[]
}

export interface EventInfo {
  readonly code: number
  readonly name: string
  readonly isExit: boolean
  readonly category: number
  readonly flags: ReadonlySet<string>
  readonly params: readonly EventParam[]
  /** Parameter name → position. */
  readonly paramIndex: ReadonlyMap<string, number>
  readonly createsFd: boolean
  readonly usesFd: boolean
  readonly destroysFd: boolean
  /** Parameter lengths are u32 instead of u16. */
  readonly isLarge: boolean
  readonly isOld: boolean
}

interface RawEvent {
  readonly n: number
  readonly name: string
  readonly dir: string
  readonly cat: number
  readonly flags: readonly string[]
  readonly params: readonly (readonly [string, string, string])[]
}

interface RawFlags {
  readonly tables: Readonly<Record<string, readonly (readonly [string, number])[]>>
  readonly params: Readonly<Record<string, string>>
}

function readJson<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`./data/${name}`, import.meta.url), 'utf8')) as T
}

/** One row. What few readers ask for is made when they do: the table is built at every start. */
class EventRow implements EventInfo {
  readonly code: number
  readonly name: string
  readonly isExit: boolean
  readonly category: number
  readonly flags: ReadonlySet<string>
  readonly params: readonly EventParam[]
  readonly createsFd: boolean
  readonly usesFd: boolean
  readonly destroysFd: boolean
  readonly isLarge: boolean
  readonly isOld: boolean
  #paramIndex: ReadonlyMap<string, number> | undefined

  constructor(raw: RawEvent, flags: ReadonlySet<string>, params: readonly EventParam[]) {
    this.code = raw.n
    this.name = raw.name
    this.isExit = raw.dir === '<'
    this.category = raw.cat
    this.flags = flags
    this.params = params
    this.createsFd = flags.has('creates_fd')
    this.usesFd = flags.has('uses_fd')
    this.destroysFd = flags.has('destroys_fd')
    this.isLarge = flags.has('large')
    this.isOld = flags.has('old')
  }

  get paramIndex(): ReadonlyMap<string, number> {
    this.#paramIndex ??= new Map(this.params.map((param, i) => [param.name, i]))
    return this.#paramIndex
  }
}

function loadTable(): readonly EventInfo[] {
  const flagData = readJson<RawFlags>('flags.json')
  // Hundreds of rows have the same few sets of flags.
  const flagSets = new Map<string, ReadonlySet<string>>()
  return readJson<readonly RawEvent[]>('events.json').map(raw => {
    const key = raw.flags.join()
    let flags = flagSets.get(key)
    if (flags === undefined) {
      flags = new Set(raw.flags)
      flagSets.set(key, flags)
    }
    return new EventRow(raw, flags, raw.params.map(paramOf))

    function paramOf([name, type, format]: RawEvent['params'][number], i: number): EventParam {
      const param = { name, type, format: format as EventParam['format'] }
      const table = flagData.params[`${raw.n}.${i}`]
      const names = table === undefined ? undefined : flagData.tables[table]
      return names === undefined ? param : { ...param, flags: names }
    }
  })
}

/** All event codes; `eventTable[code].code === code`. */
export const eventTable: readonly EventInfo[] = loadTable()
