// Inside the namespaces of a world: a DNS server whose answers the test decides, and a peer that takes every connection. Talks with the test by IPC.
import { Resolver } from 'node:dns/promises'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  NXDOMAIN,
  type LateReply,
  type Question,
  type Reply,
  startScriptedDnsServer,
} from '../../../src/domains/testdata/scripted-dns-server.ts'
import type { Entry, FromWorld, ToWorld } from './world-messages.ts'

const HOSTS = ['10.53.0.53', '10.53.0.66', '2001:db8::53']
const JSON_REPLY =
  'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}'

const zones = new Map<string, Map<string, Entry>>()
const turns = new Map<string, number>()

function answer(server: string, question: Question): Reply | LateReply {
  const entry = zones.get(server)?.get(question.name) ?? zones.get('')?.get(question.name)
  if (entry === undefined) return NXDOMAIN
  const reply = replyOf(server, question, entry)
  return entry.delayMs === undefined ? reply : { kind: 'late', delayMs: entry.delayMs, reply }
}

function replyOf(server: string, question: Question, entry: Entry): Reply {
  if (entry.rcode !== undefined) return { kind: 'rcode', rcode: entry.rcode }
  const { pool } = entry
  if (pool !== undefined) {
    const records = Array.from({ length: pool.anAnswer }, () => {
      const at = Math.floor(Math.random() * pool.size)
      return {
        name: question.name,
        type: 'A' as const,
        ttl: pool.ttlSec,
        data: `${pool.net}.${at >> 8}.${at & 255}`,
      }
    })
    return { kind: 'records', records }
  }
  const all = entry.turns ?? []
  const key = `${server} ${question.name} ${question.type}`
  const turn = turns.get(key) ?? 0
  turns.set(key, turn + 1)
  return { kind: 'records', records: all[turn % all.length] ?? [] }
}

async function probe(server: string, name: string): Promise<boolean> {
  const resolver = new Resolver({ timeout: 200, tries: 1 })
  resolver.setServers([server])
  for (let i = 0; i < 100; i++) {
    try {
      await resolver.resolve4(name)
      return true
    } catch {
      await sleep(50)
    }
  }
  return false
}

const tell = (message: FromWorld): void => void process.send!(message)

async function serve(): Promise<void> {
  for (const host of HOSTS) {
    try {
      await startScriptedDnsServer(question => answer(host, question), { host, port: 53 })
    } catch (error) {
      // A machine without IPv6.
      if (!host.includes(':')) throw error
    }
  }
  for (const port of [80, 443, 8080]) {
    const peer = createServer(socket => {
      socket.on('error', () => {})
      socket.once('data', () => socket.end(JSON_REPLY))
    })
    peer.on('error', () => peer.listen(port, '0.0.0.0', 1024))
    peer.listen(port, '::', 1024)
  }
  process.on('message', (message: ToWorld) => {
    switch (message.kind) {
      case 'set': {
        const zone = zones.get(message.server) ?? new Map<string, Entry>()
        zones.set(message.server, zone)
        for (const [name, entry] of Object.entries(message.entries)) zone.set(name, entry)
        tell({ kind: 'done', number: message.number, ok: true })
        return
      }
      case 'probe':
        void probe(message.server, message.name).then(ok => tell({ kind: 'done', number: message.number, ok }))
        return
      default:
        message satisfies never
    }
  })
  process.on('disconnect', () => process.exit())
  tell({ kind: 'ready' })
}

await serve()
