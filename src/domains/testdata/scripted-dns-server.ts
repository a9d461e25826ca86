/** A real DNS server on loopback, UDP and TCP on one port, whose every answer a test writes. */
import { createSocket, type Socket } from 'node:dgram'
import { createServer, type Server, type Socket as TcpSocket } from 'node:net'
import * as dns from 'dns-packet'

export interface Question {
  /** Lower case. */
  readonly name: string
  readonly type: string
  readonly transport: 'udp' | 'tcp'
}

export interface ScriptedRecord {
  readonly name: string
  readonly type: 'A' | 'AAAA' | 'CNAME' | 'TXT'
  readonly ttl: number
  readonly data: string
}

export type Reply =
  | { readonly kind: 'records'; readonly records: readonly ScriptedRecord[] }
  | { readonly kind: 'rcode'; readonly rcode: number }
  | { readonly kind: 'silent' }
  /** Bytes made from a well-formed reply without records. */
  | { readonly kind: 'bytes'; readonly make: (empty: Buffer, query: Buffer) => Buffer }

/** A reply that comes `delayMs` after its question. */
export interface LateReply {
  readonly kind: 'late'
  readonly delayMs: number
  readonly reply: Reply
}

export const SERVFAIL: Reply = { kind: 'rcode', rcode: 2 }
export const NXDOMAIN: Reply = { kind: 'rcode', rcode: 3 }
export const REFUSED: Reply = { kind: 'rcode', rcode: 5 }
export const NODATA: Reply = { kind: 'records', records: [] }
export const SILENT: Reply = { kind: 'silent' }

/** A and AAAA records of one name; the family not asked for is left out by the server. */
export function records(name: string, ttl: number, ...addresses: readonly string[]): Reply {
  return {
    kind: 'records',
    records: addresses.map(data => ({ name, type: data.includes(':') ? 'AAAA' : 'A', ttl, data })),
  }
}

export interface ScriptedDnsServer {
  /** `127.0.0.1:port`, as a resolver takes it. */
  readonly address: string
  /** Every question that came, in order. */
  readonly questions: readonly Question[]
  /** Forgets the questions. */
  clear(): void
  close(): Promise<void>
}

/** RFC 1035 §4.2.1: a UDP message has at most 512 bytes, unless the client says that it takes more (EDNS). */
const UDP_LIMIT = 512

/** Starts the server. `answer` gives the reply to each question; it may change its mind at any time. `at`: on this port, not a free one. */
export async function startScriptedDnsServer(
  answer: (question: Question) => Reply | LateReply,
  at: { readonly host: string; readonly port: number } = { host: '127.0.0.1', port: 0 },
): Promise<ScriptedDnsServer> {
  const questions: Question[] = []

  function reply(query: Buffer, transport: 'udp' | 'tcp', send: (bytes: Buffer) => void): void {
    let packet: dns.Packet
    try {
      packet = dns.decode(query)
    } catch {
      return
    }
    const asked = packet.questions?.[0]
    if (asked === undefined) return
    const question: Question = { name: asked.name.toLowerCase(), type: asked.type, transport }
    questions.push(question)
    const told = answer(question)
    if (told.kind === 'late') setTimeout(() => say(told.reply), told.delayMs)
    else say(told)

    function say(script: Reply): void {
    const head = (flags: number) => ({
      type: 'response' as const,
      id: packet.id ?? 0,
      flags: dns.RECURSION_DESIRED | dns.RECURSION_AVAILABLE | flags,
      questions: packet.questions ?? [],
    })
    switch (script.kind) {
      case 'silent':
        return
      case 'rcode':
        return send(dns.encode(head(script.rcode)))
      case 'bytes':
        return send(script.make(dns.encode(head(0)), query))
      case 'records': {
        const wanted = script.records.filter(record => record.type === question.type || record.type === 'CNAME')
        const bytes = dns.encode({ ...head(0), answers: wanted })
        const isTooLong = transport === 'udp' && bytes.length > udpLimit(packet)
        return send(isTooLong ? dns.encode(head(dns.TRUNCATED_RESPONSE)) : bytes)
      }
      default:
        script satisfies never
    }
    }
  }

  const { udp, tcp, port } = await bindBoth(at)
  const connections = new Set<TcpSocket>()
  udp.on('message', (query, peer) => {
    reply(query, 'udp', bytes => udp.send(bytes, peer.port, peer.address))
  })
  tcp.on('connection', socket => {
    connections.add(socket)
    socket.on('close', () => connections.delete(socket))
    socket.on('error', () => socket.destroy())
    let pending = Buffer.alloc(0)
    socket.on('data', chunk => {
      pending = Buffer.concat([pending, chunk])
      while (pending.length >= 2 && pending.length >= 2 + pending.readUInt16BE(0)) {
        const end = 2 + pending.readUInt16BE(0)
        const query = pending.subarray(2, end)
        pending = pending.subarray(end)
        reply(query, 'tcp', bytes => {
          const length = Buffer.alloc(2)
          length.writeUInt16BE(bytes.length)
          // In two pieces, so that whoever reads must put a message together again.
          socket.write(Buffer.concat([length, bytes.subarray(0, 7)]))
          socket.write(bytes.subarray(7))
        })
      }
    })
  })

  return {
    address: `${at.host}:${port}`,
    questions,
    clear() {
      questions.length = 0
    },
    async close() {
      for (const socket of connections) socket.destroy()
      await Promise.all([new Promise<void>(done => udp.close(done)), new Promise<void>(done => tcp.close(() => done()))])
    },
  }
}

function udpLimit(query: dns.Packet): number {
  return Math.max(UDP_LIMIT, query.additionals?.find(record => record.type === 'OPT')?.udpPayloadSize ?? 0)
}

/** The UDP port is free when chosen; the TCP port of the same number may not be, so a few are tried. */
async function bindBoth(at: {
  readonly host: string
  readonly port: number
}): Promise<{ udp: Socket; tcp: Server; port: number }> {
  for (let tries = 0; ; tries++) {
    const udp = createSocket({ type: at.host.includes(':') ? 'udp6' : 'udp4', recvBufferSize: 1 << 20 })
    await new Promise<void>((done, fail) => {
      udp.once('error', fail)
      udp.bind(at.port, at.host, done)
    })
    const { port } = udp.address()
    const tcp = createServer()
    try {
      await new Promise<void>((done, fail) => {
        tcp.once('error', fail)
        tcp.listen(port, at.host, done)
      })
      return { udp, tcp, port }
    } catch (error) {
      await new Promise<void>(done => udp.close(done))
      if (tries === 9) throw error
    }
  }
}
