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

function loadTable(): readonly EventInfo[] {
  const flagData = readJson<RawFlags>('flags.json')
  return readJson<readonly RawEvent[]>('events.json').map(raw => {
    const params = raw.params.map(([name, type, format], i): EventParam => {
      const table = flagData.params[`${raw.n}.${i}`]
      const flags = table === undefined ? undefined : flagData.tables[table]
      return { name, type, format: format as EventParam['format'], ...(flags !== undefined && { flags }) }
    })
    const flags = new Set(raw.flags)
    return {
      code: raw.n,
      name: raw.name,
      isExit: raw.dir === '<',
      category: raw.cat,
      flags,
      params,
      paramIndex: new Map(params.map((p, i) => [p.name, i])),
      createsFd: flags.has('creates_fd'),
      usesFd: flags.has('uses_fd'),
      destroysFd: flags.has('destroys_fd'),
      isLarge: flags.has('large'),
      isOld: flags.has('old'),
    }
  })
}

/** All event codes; `eventTable[code].code === code`. */
export const eventTable: readonly EventInfo[] = loadTable()
