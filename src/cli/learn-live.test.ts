// `tiercel learn` on this machine: real clients in a network namespace of their own, and what would have alerted since.
import assert from 'node:assert/strict'
import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process'
import type { Readable } from 'node:stream'
import { once } from 'node:events'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { liveSkipReason } from '../events/live/testing.ts'

const PROGRAM = fileURLToPath(new URL('../../bin/tiercel', import.meta.url))
const SERVER = fileURLToPath(new URL('./testdata/names-server.ts', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'tiercel-learn-live-'))
const netns = `tiercel-learn-${process.pid}`
after(() => {
  spawnSync('ip', ['netns', 'del', netns])
  rmSync(join('/etc/netns', netns), { recursive: true, force: true })
  rmSync(folder, { recursive: true, force: true })
})

/** A namespace whose loopback has addresses of the documentation networks, and its own resolv.conf. */
function makeNetwork(): string | undefined {
  const made = [
    ['netns', 'add', netns],
    ['-n', netns, 'link', 'set', 'lo', 'up'],
    ['-n', netns, 'addr', 'add', '198.51.100.1/32', 'dev', 'lo'],
    ['-n', netns, 'addr', 'add', '198.51.100.2/32', 'dev', 'lo'],
  ].every(words => spawnSync('ip', words).status === 0)
  if (!made) return 'a network namespace cannot be made'
  mkdirSync(join('/etc/netns', netns), { recursive: true })
  writeFileSync(join('/etc/netns', netns, 'resolv.conf'), 'nameserver 127.0.0.1\n')
  return undefined
}

function inside(words: readonly string[]): ChildProcessByStdio<null, Readable, null> {
  return spawn('ip', ['netns', 'exec', netns, ...words], { stdio: ['ignore', 'pipe', 'inherit'] })
}

/** Runs `tiercel learn` while `work` goes on, and ends it as Ctrl-C does. */
async function learnWhile(words: readonly string[], work: () => Promise<void>): Promise<{ out: string; err: string }> {
  const child = spawn(PROGRAM, ['learn', ...words])
  let out = ''
  let err = ''
  child.stdout.on('data', data => (out += String(data)))
  const closed = once(child, 'close')
  await new Promise<void>((resolve, reject) => {
    child.stderr.on('data', data => {
      err += String(data)
      if (err.includes('watching')) resolve()
    })
    child.on('exit', () => reject(new Error(err)))
  })
  await work()
  child.kill('SIGINT')
  const [code] = (await closed) as [number | null]
  assert.equal(code, 0, err)
  return { out, err }
}

test('learn: live, and what would have alerted since', { skip: liveSkipReason(), timeout: 120_000 }, async t => {
  const cannot = makeNetwork()
  if (cannot !== undefined) return t.skip(cannot)
  // A program that no other process of the machine runs.
  const client = join(folder, 'client')
  copyFileSync('/bin/bash', client)
  const connectTo = async (host: string): Promise<void> => {
    const [code] = (await once(inside([client, '-c', `exec 3<>/dev/tcp/${host}/80`]), 'close')) as [number]
    assert.equal(code, 0, host)
  }
  const server = inside([process.execPath, SERVER, 'shop.test=198.51.100.1', 'evil.test=198.51.100.1'])
  try {
    await once(server.stdout, 'data')
    const { out, err } = await learnWhile([`proc.exepath = ${client}`], async () => {
      await connectTo('shop.test')
      await connectTo('198.51.100.2')
    })
    assert.match(out, /\n {4}- "shop\.test"\n/)
    assert.match(out, /\n {4}- '"198\.51\.100\.2"'\n/)
    assert.match(
      out,
      new RegExp(`and proc\\.exepath = "${client}"|and container\\.id = "host" and proc\\.exepath = "${client}"`),
    )
    assert.match(err, /2 connections of 1 workload: 1 rule, 1 name, 1 address without one/)

    const rules = join(folder, 'learned.yaml')
    writeFileSync(rules, out)
    const since = await learnWhile(['--since', rules], async () => {
      await connectTo('shop.test')
      await connectTo('evil.test')
      await connectTo('198.51.100.2')
    })
    const rows = since.out.trimEnd().split('\n').slice(1)
    assert.equal(rows.length, 1, since.out)
    assert.match(rows[0]!, /^1 +evil\.test \(198\.51\.100\.1\) +80 .* client +Connection outside what .*\/client used$/)
  } finally {
    server.kill('SIGKILL')
  }
})
