// The same with a real kernel, where a timer ends the wait when no event does.
import assert from 'node:assert/strict'
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
import { alertsIn, program, says, startPeer, tiercel } from './programs.ts'
import { rule } from './scene.ts'

const DNS_HOST = '127.0.0.75'
const TIMEOUT_MS = 90_000

/** Connects to an address and looks its name up only then; then connects to an address of which nothing is ever known. */
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
await open('127.6.2.1')
await resolver.resolve4('late.test')
await open('127.6.2.9')
`

test('live: a verdict waits for the answer that comes after the connect, and no longer than it may', {
  skip: liveSkipReason(),
  timeout: TIMEOUT_MS,
}, async t => {
  const answer = ({ name }: Question): Reply => records(name, 30, '127.6.2.1')
  const server = await startScriptedDnsServer(answer, { host: DNS_HOST, port: 53 }).catch(() => undefined)
  if (server === undefined) return t.skip(`port 53 of ${DNS_HOST} cannot be had`)
  const { server: peer, port } = await startPeer()
  const folder = mkdtempSync(join(tmpdir(), 'tiercel-waiting-'))
  const rules = join(folder, 'rules.yaml')
  const connects = `evt.type = connect and fd.l4proto = tcp and fd.sport = ${port}`
  const text = rule('Not on the list', `${connects} and not fd.sip.name in (nobody.test)`, '%fd.sip %fd.sip.name')
  writeFileSync(rules, `${text}  wait_for_name_ms: 4000\n`)
  const options = ['json_output=true', 'webserver.enabled=false', `domains.trusted_resolvers[]=${DNS_HOST}`].flatMap(
    option => ['-o', option],
  )
  const agent = tiercel(['run', '-r', rules, ...options])
  t.after(async () => {
    agent.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
    peer.close()
    await server.close()
  })
  await says(agent, 'watching')
  await once(program(['--input-type=module', '-e', client, String(port)]), 'close')
  // It is the timer that ends the second wait: the agent is not stopped before the alert is there.
  await says(agent, '127.6.2.9')
  agent.kill('SIGINT')
  await once(agent, 'close')
  assert.deepEqual(alertsIn(agent.text.out), [
    'Not on the list: 127.6.2.1 late.test',
    'Not on the list: 127.6.2.9 <NA>',
  ])
})
