// DNS messages for tests, written byte by byte so that compression, cuts and lies are possible.
import { parseIp } from '../../values/ip.ts'

export const TYPE = { A: 1, NS: 2, CNAME: 5, PTR: 12, TXT: 16, AAAA: 28, SRV: 33, OPT: 41, HTTPS: 65, NULL: 10 } as const
export type TypeName = keyof typeof TYPE

/** `data`: an address for A and AAAA, a name for CNAME, PTR and NS, text for TXT, bytes for everything. */
export interface TestRecord {
  readonly name: string
  readonly type: TypeName
  readonly ttl?: number
  readonly data: string | Buffer
}

export interface TestMessage {
  readonly id?: number
  readonly isAnswer?: boolean
  readonly isTruncated?: boolean
  readonly rcode?: number
  readonly question?: readonly [name: string, type: TypeName]
  readonly answers?: readonly TestRecord[]
  readonly authority?: readonly TestRecord[]
  readonly additional?: readonly TestRecord[]
}

/** Names are compressed against all that came before, as servers do. */
class Writer {
  readonly bytes: number[] = []
  readonly #known: Map<string, number> = new Map()

  u16(value: number): void {
    this.bytes.push(value >>> 8, value & 0xff)
  }

  name(text: string): void {
    const labels = text.split('.').filter(label => label !== '')
    for (let i = 0; i < labels.length; i++) {
      const rest = labels.slice(i).join('.')
      const at = this.#known.get(rest)
      if (at !== undefined) {
        this.u16(0xc000 | at)
        return
      }
      this.#known.set(rest, this.bytes.length)
      const label = Buffer.from(labels[i]!, 'latin1')
      this.bytes.push(label.length, ...label)
    }
    this.bytes.push(0)
  }

  record(record: TestRecord): void {
    this.name(record.name)
    this.u16(TYPE[record.type])
    this.u16(1)
    const ttl = record.ttl ?? 300
    this.u16(Math.floor(ttl / 0x10000))
    this.u16(ttl % 0x10000)
    const lengthAt = this.bytes.length
    this.u16(0)
    this.#data(record)
    const length = this.bytes.length - lengthAt - 2
    this.bytes[lengthAt] = length >>> 8
    this.bytes[lengthAt + 1] = length & 0xff
  }

  #data({ type, data }: TestRecord): void {
    if (typeof data !== 'string') {
      this.bytes.push(...data)
      return
    }
    if (type === 'CNAME' || type === 'PTR' || type === 'NS') {
      this.name(data)
      return
    }
    if (type === 'TXT') {
      this.bytes.push(data.length, ...Buffer.from(data, 'latin1'))
      return
    }
    const ip = parseIp(data)
    if (typeof ip === 'number') this.bytes.push(ip >>> 24, (ip >>> 16) & 0xff, (ip >>> 8) & 0xff, ip & 0xff)
    else this.bytes.push(...Buffer.from(ip ?? '', 'latin1'))
  }
}

export function dnsBytes(message: TestMessage): Buffer {
  const { id = 0x1234, isAnswer = false, isTruncated = false, rcode = 0, question } = message
  const { answers = [], authority = [], additional = [] } = message
  const w = new Writer()
  w.u16(id)
  w.u16((isAnswer ? 0x8080 : 0) | 0x0100 | (isTruncated ? 0x0200 : 0) | rcode)
  w.u16(question === undefined ? 0 : 1)
  w.u16(answers.length)
  w.u16(authority.length)
  w.u16(additional.length)
  if (question !== undefined) {
    w.name(question[0])
    w.u16(TYPE[question[1]])
    w.u16(1)
  }
  for (const record of [...answers, ...authority, ...additional]) w.record(record)
  return Buffer.from(w.bytes)
}

/** As over TCP: the length before it. */
export function withLength(message: Buffer): Buffer {
  return Buffer.concat([Buffer.from([message.length >>> 8, message.length & 0xff]), message])
}
