// A recording knows the names: what processes looked up is among its events, and what no event tells is written along.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  type Question,
  type Reply,
  records,
  startScriptedDnsServer,
} from '../../../src/domains/testdata/scripted-dns-server.ts'
import { liveSkipReason } from '../../../src/events/live/testing.ts'
import { alertsIn, says, startPeer, tiercel } from './programs.ts'
import { rule } from './scene.ts'

const DNS_HOST = '127.0.0.78'
const TIMEOUT_MS = 60_000
const SPELLED: ReadonlyMap<string, string> = new Map([
  ['resolved.test', '127.6.0.1'],
  ['looked-up.test', '127.6.0.2'],
])

/** Connects to an address that only the agent looked up, then looks a name up and connects to it, then to a stranger. */
const client = `
import { Resolver } from 'node:dns/promises'
import { connect } from 'node:net'
const port = Number(process.argv[1])
const open = host => new Promise(done => {
  const socket = connect({ host, port }, () => socket.destroy())
  socket.on('error', () => {}).on('close', done)
})
const resolver = new Resolver()
resolver.setServers(['${DNS_HOST}'])
await open('127.6.0.1')
await open((await resolver.resolve4('looked-up.test'))[0])
await open('127.6.0.9')
`

test('live: a recording replays with the alerts of the agent, names included, and with no network', {
  skip: liveSkipReason(),
  timeout: TIMEOUT_MS,
}, async t => {
  const answer = ({ name }: Question): Reply => records(name, 30, SPELLED.get(name) ?? '127.6.0.3')
  const server = await startScriptedDnsServer(answer, { host: DNS_HOST, port: 53 }).catch(() => undefined)
  if (server === undefined) return t.skip(`port 53 of ${DNS_HOST} cannot be had`)
  // Not on port 53, so that agent and recorder do not see what the other looks up.
  const own = await startScriptedDnsServer(answer)
  const { server: peer, port } = await startPeer()
  const folder = mkdtempSync(join(tmpdir(), 'tiercel-recorded-'))
  t.after(() => {
    rmSync(folder, { recursive: true, force: true })
    peer.close()
  })
  const connects = `evt.type = connect and fd.l4proto = tcp and fd.sport = ${port}`
  const output = '%fd.sip %fd.sip.name %fd.sip.name.source %fd.sip.name.resolver'
  const rules = join(folder, 'rules.yaml')
  writeFileSync(
    rules,
    rule('Spelled', `${connects} and fd.sip.name in (resolved.test, looked-up.test)`, output) +
      rule('Not spelled', `${connects} and not fd.sip.name in (resolved.test, looked-up.test)`, output),
  )
  const capture = join(folder, 'names.scap')
  const common = ['-r', rules, '-o', `domains.servers[]=${own.address}`]
  // Nobody's resolv.conf names the server that the client asks.
  const judged = [
    `-o`,
    `domains.trusted_resolvers[]=${DNS_HOST}`,
    '-o',
    'rule_matching=all',
    '-o',
    'json_output=true',
    '-o',
    'webserver.enabled=false',
  ]
  const agent = tiercel(['run', ...common, ...judged])
  const recorder = tiercel(['record', capture, ...common, '--no-io'])
  const agentEnds = once(agent, 'close')
  const recorderEnds = once(recorder, 'close')
  try {
    await Promise.all([says(agent, 'watching'), says(recorder, 'recording into')])
    await once(spawn(process.execPath, ['--input-type=module', '-e', client, String(port)]), 'close')
  } finally {
    agent.kill('SIGINT')
    recorder.kill('SIGINT')
    await Promise.all([agentEnds, recorderEnds, server.close(), own.close()])
  }
  const live = alertsIn(agent.text.out)
  assert.deepEqual(live, [
    `Spelled: 127.6.0.1 resolved.test resolved dns ${own.address}`,
    `Spelled: 127.6.0.2 looked-up.test observed ${DNS_HOST}`,
    'Not spelled: 127.6.0.9 <NA> <NA> <NA>',
  ])
  const replay = tiercel(['replay', capture, '-r', rules, ...judged])
  await once(replay, 'close')
  assert.deepEqual(alertsIn(replay.text.out), live, replay.text.err)
})
