// The same with a real kernel, a real server on loopback and real clients: Node's resolver and TLS, and glibc's getaddrinfo.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import {
  type Reply,
  records,
  type ScriptedDnsServer,
  startScriptedDnsServer,
} from '../../../src/domains/testdata/scripted-dns-server.ts'
import { liveSkipReason } from '../../../src/events/live/testing.ts'
import type { AddressEvidence } from '../../../src/engine/alert.ts'
import { startPeer } from './programs.ts'
import { rule } from './scene.ts'

const DNS_HOST = '127.0.0.77'
const CONNECTIONS = 1000
const TIMEOUT_MS = 60_000
const main = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url))

/** The kernel keeps data of port 53 only, so the server must have it. */
async function startServer(answer: (name: string) => Reply): Promise<ScriptedDnsServer | undefined> {
  try {
    return await startScriptedDnsServer(question => answer(question.name), { host: DNS_HOST, port: 53 })
  } catch {
    return undefined
  }
}

/** `n123.test` is 127.9.0.123, `big.test` has more addresses than fit a datagram, all others are 127.8.0.1. */
function answerTo(name: string): Reply {
  const number = /^n(\d+)\.test$/.exec(name)
  if (number !== null) return records(name, 5, `127.9.${Number(number[1]) >> 8}.${Number(number[1]) & 255}`)
  if (name === 'big.test') return records(name, 5, ...Array.from({ length: 60 }, (_, i) => `127.7.0.${i + 1}`))
  return records(name, 5, '127.8.0.1')
}

/** Looks names up and connects to them, twenty at a time. */
const nodeClient = `
import { Resolver } from 'node:dns/promises'
import { connect } from 'node:net'
import { connect as connectTls } from 'node:tls'
const [port, count] = process.argv.slice(1).map(Number)
const open = (host, make = connect, more = {}) => new Promise(done => {
  const socket = make({ host, port, ...more }, () => { if (make === connect) socket.destroy() })
  socket.on('error', () => {}).on('close', done)
})
const resolver = new Resolver()
resolver.setServers(['${DNS_HOST}'])
let next = 0
const work = async () => {
  while (next < count) {
    const [ip] = await resolver.resolve4('n' + next++ + '.test')
    await open(ip)
  }
}
await Promise.all(Array.from({ length: 20 }, work))
const big = await resolver.resolve4('big.test')
await open(big.at(-1))
await open((await resolver.resolve4('shop.test'))[0], connectTls, { servername: 'shop.test' })
`

interface LiveAlert {
  readonly rule: string
  readonly output: string
  readonly output_fields: Readonly<Record<string, unknown>>
  readonly names?: readonly AddressEvidence[]
}

/** The evidence names what the alert prints, from an answer that the process received. */
function checkEvidence({ rule: name, output_fields: fields, names }: LiveAlert): void {
  if (name !== 'Numbered') return
  const [end] = names ?? []
  const [best] = end?.known ?? []
  assert.ok(end !== undefined && best !== undefined, `no evidence: ${JSON.stringify(names)}`)
  assert.equal(end.address, fields['fd.sip'])
  assert.equal(end.decided_by, 'process')
  assert.equal(best.name, fields['fd.sip.name'])
  assert.equal(best.resolver, fields['fd.sip.name.resolver'])
  assert.equal(best.evidence, 'observed')
  assert.ok(best.pid !== undefined && best.process !== undefined && best.age_ms !== undefined)
  assert.deepEqual(end.checks, [{ check: 'fd.sip.name startswith n', holds: true }])
}

/** Runs clients while the agent watches, and gives its alerts' texts. */
async function watchClients(rules: string, clients: () => Promise<void>): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'tiercel-live-'))
  try {
    const file = join(folder, 'rules.yaml')
    writeFileSync(file, rules)
    const options = [
      'run',
      '-r',
      file,
      '-o',
      'rule_matching=all',
      '-o',
      'json_output=true',
      '-o',
      'domains.explain_alerts=true',
      '-o',
      // The machine's resolv.conf names another.
      `domains.trusted_resolvers[]=${DNS_HOST}`,
      '-o',
      'webserver.enabled=false',
      '-o',
      `domains.trusted_resolvers[]=${DNS_HOST}`,
    ]
    const agent = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', main, ...options])
    let out = ''
    let err = ''
    agent.stdout.on('data', data => (out += String(data)))
    const watching = new Promise<void>((resolve, reject) => {
      agent.stderr.on('data', data => {
        err += String(data)
        if (err.includes('watching')) resolve()
      })
      agent.on('exit', () => reject(new Error(err)))
    })
    await watching
    await clients()
    agent.kill('SIGINT')
    await once(agent, 'close')
    return out
      .split('\n')
      .filter(line => line.startsWith('{'))
      .map(line => {
        const alert = JSON.parse(line) as LiveAlert
        checkEvidence(alert)
        return `${alert.rule}: ${alert.output.replace(/^\S+ \w+ /, '')}`
      })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function run(file: string, args: readonly string[]): Promise<void> {
  const child = spawn(file, args, { stdio: 'ignore' })
  await once(child, 'close')
}

/** Whether a process may have a resolver's configuration of its own. */
const canMount: boolean = spawnSync('unshare', ['-m', 'mount', '--bind', '/etc/hosts', '/etc/resolv.conf']).status === 0

test('live: every connect is judged after the answer that came before it', {
  skip: liveSkipReason(),
  timeout: TIMEOUT_MS,
}, async t => {
  const dns = await startServer(answerTo)
  if (dns === undefined) return t.skip(`port 53 of ${DNS_HOST} cannot be had`)
  const peer = await startPeer()
  const folder = mkdtempSync(join(tmpdir(), 'tiercel-resolver-'))
  writeFileSync(join(folder, 'resolv.conf'), `nameserver ${DNS_HOST}\n`)
  try {
    const connects = `evt.type = connect and fd.l4proto = tcp and fd.sport = ${peer.port}`
    const rules =
      rule('Numbered', `${connects} and fd.sip.name startswith n`, '%fd.sip %fd.sip.name %fd.sip.name.resolver') +
      rule('Unknown', `${connects} and fd.sip.name.unknown = true`, '%fd.sip') +
      rule('Big', `${connects} and fd.sip.name = big.test`, '%fd.sip') +
      rule('Getaddrinfo', `${connects} and fd.sip.name = glibc.test`, '%proc.name') +
      rule('Tls', 'tls.sni = shop.test', '%tls.sni %tls.sni.confirmed %fd.sip.name.source')
    const alerts = await watchClients(rules, async () => {
      await run(process.execPath, ['--input-type=module', '-e', nodeClient, String(peer.port), String(CONNECTIONS)])
      if (!canMount) return
      const bind = `mount --bind ${join(folder, 'resolv.conf')} /etc/resolv.conf`
      await run('unshare', ['-m', 'sh', '-c', `${bind}; bash -c 'exec 3<>/dev/tcp/glibc.test/${peer.port}'`])
    })
    const of = (name: string): string[] =>
      alerts.filter(alert => alert.startsWith(`${name}: `)).map(alert => alert.slice(name.length + 2))
    assert.deepEqual(of('Unknown'), [])
    const numbered = of('Numbered')
    assert.equal(numbered.length, CONNECTIONS)
    for (const text of numbered) {
      const [, high, low, number] = /^127\.9\.(\d+)\.(\d+) n(\d+)\.test 127\.0\.0\.77$/.exec(text) ?? []
      assert.equal(Number(high) * 256 + Number(low), Number(number), text)
    }
    assert.equal(of('Big').length, 1, 'over TCP, after a truncated answer')
    assert.deepEqual(of('Tls'), ['shop.test true sni'])
    if (canMount) assert.deepEqual(of('Getaddrinfo'), ['bash'])
    else t.diagnostic('getaddrinfo was not tried: a process cannot have a resolv.conf of its own here')
  } finally {
    rmSync(folder, { recursive: true, force: true })
    peer.server.close()
    await dns.close()
  }
})
