// What processes looked up is known again after the agent has started anew, even when it was killed.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { records, startScriptedDnsServer } from '../../../src/domains/testdata/scripted-dns-server.ts'
import { liveSkipReason } from '../../../src/events/live/testing.ts'
import { alertsIn, program, says, startPeer, tiercel } from './programs.ts'
import { rule } from './scene.ts'

const DNS_HOST = '127.0.0.76'
const ADDRESS = '127.6.1.1'
const TIMEOUT_MS = 90_000

/** Looks its name up and connects; connects again whenever a line comes. */
const client = `
import { Resolver } from 'node:dns/promises'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
const [name, port] = process.argv.slice(1)
const resolver = new Resolver()
resolver.setServers(['${DNS_HOST}'])
const [host] = await resolver.resolve4(name)
const open = () => new Promise(done => {
  const socket = connect({ host, port: Number(port) }, () => socket.destroy())
  socket.on('error', () => {}).on('close', done)
})
await open()
console.log('looked up')
for await (const line of createInterface({ input: process.stdin })) {
  await open()
  console.log('again')
}
`

/** Waits until the file says so. */
async function holds(path: string, words: readonly string[]): Promise<void> {
  const deadline = Date.now() + TIMEOUT_MS / 3
  for (;;) {
    let text = ''
    try {
      text = readFileSync(path, 'utf8')
    } catch {
      // Not there yet.
    }
    if (words.every(word => text.includes(word))) return
    assert.ok(Date.now() < deadline, text)
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}

test('live: what two processes looked up is theirs again after the agent was killed', {
  skip: liveSkipReason(),
  timeout: TIMEOUT_MS,
}, async t => {
  const server = await startScriptedDnsServer(({ name }) => records(name, 30, ADDRESS), {
    host: DNS_HOST,
    port: 53,
  }).catch(() => undefined)
  if (server === undefined) return t.skip(`port 53 of ${DNS_HOST} cannot be had`)
  const { server: peer, port } = await startPeer()
  const folder = mkdtempSync(join(tmpdir(), 'tiercel-restart-'))
  const rules = join(folder, 'rules.yaml')
  const state = join(folder, 'state', 'names.jsonl')
  const connects = `evt.type = connect and fd.l4proto = tcp and fd.sport = ${port}`
  writeFileSync(rules, rule('Connect', connects, '%fd.sip.name %fd.sip.name.source %fd.sip.names %fd.sip %proc.pid'))
  const options = [
    'rule_matching=all',
    'json_output=true',
    'webserver.enabled=false',
    `domains.state_file=${state}`,
    `domains.trusted_resolvers[]=${DNS_HOST}`,
  ]
  const run = ['run', '-r', rules, ...[...options, 'domains.save_interval_s=1'].flatMap(option => ['-o', option])]
  const first = tiercel(run)
  const clients = ['one.test', 'two.test']
  const started: ReturnType<typeof program>[] = []
  t.after(async () => {
    for (const child of started) child.kill('SIGKILL')
    first.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
    peer.close()
    await server.close().catch(() => {})
  })
  await says(first, 'watching')
  for (const name of clients) {
    const child = program(['--input-type=module', '-e', client, name, String(port)])
    started.push(child)
    await says(child, 'looked up')
  }
  await holds(state, clients)
  // Who asks meanwhile is told by what the agent has saved so far.
  const saved = ['-o', `domains.state_file=${state}`]
  const explain = tiercel(['domains', 'explain', 'one.test', ...saved])
  await once(explain, 'close')
  assert.match(
    explain.text.out,
    new RegExp(`one\\.test = ${ADDRESS}: observed, by .* \\(${started[0]!.pid}\\), from ${DNS_HOST}, TTL 30 s`),
  )
  const [line] = first.text.out.split('\n').filter(text => text.includes(`"proc.pid":${started[1]!.pid}`))
  const why = tiercel(['domains', 'why', line ?? '', '-r', rules, ...saved])
  await once(why, 'close')
  assert.match(
    why.text.out,
    new RegExp(`two\\.test: an answer of ${DNS_HOST} to \\S+ \\(${started[1]!.pid}\\) .* before \\(TTL 30 s\\)`),
    why.text.err,
  )
  assert.match(why.text.out, /this decides, as the process saw it itself/)
  first.kill('SIGKILL')
  await once(first, 'close')
  // Nobody can ask again.
  await server.close()

  const second = tiercel(run)
  started.push(second)
  await says(second, 'watching')
  for (const child of started.slice(0, 2)) {
    child.stdin!.write('\n')
    await says(child, 'again')
  }
  second.kill('SIGINT')
  await once(second, 'close')
  const pids = started.map(child => child.pid)
  assert.deepEqual(alertsIn(second.text.out), [
    `Connect: one.test observed (one.test) ${ADDRESS} ${pids[0]}`,
    `Connect: two.test observed (two.test) ${ADDRESS} ${pids[1]}`,
  ])
})
