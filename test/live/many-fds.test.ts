/**
 * A process with a hundred thousand descriptors, or as many as one may have here: one that has them when the agent starts, and one that opens
 * them while it runs. The agent knows the last of them by name, loses nothing, and a recording has them all.
 */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { liveSkipReason } from '../../src/events/live/testing.ts'
import { readAsLibscap } from './libscap-reader.ts'
import { type Alert, main, Running, rule, scratch, until, watch, whileLosing } from './running.ts'

const FDS = 100_000
const skip = { skip: liveSkipReason() || (process.getuid?.() === 0 ? false : 'needs root') }
const script = fileURLToPath(new URL('testdata/many-fds.py', import.meta.url))
/** More than a copy of all that can be known of two such processes. */
const MOST_MB = 400

/** What `testdata/many-fds.py` says of its last descriptors. */
interface Said {
  readonly count: number
  readonly tcpName: string
  readonly udpName: string
}

async function open(t: TestContext, folder: string): Promise<{ readonly actor: Running; readonly said: Said }> {
  const actor = new Running(t, '/usr/bin/python3', ['-S', script, folder, String(FDS)])
  await actor.says('tcpName')
  return { actor, said: JSON.parse(actor.out) as Said }
}

const tiercel = (t: TestContext, args: readonly string[]): Running =>
  new Running(t, process.execPath, ['--disable-warning=ExperimentalWarning', main, ...args])

async function use(actor: Running): Promise<void> {
  const times = (): number => actor.out.split('used').length
  const before = times()
  actor.child.stdin!.write('go\n')
  await until('its calls', () => times() > before)
}

const RULES = ['fchmod', 'sendto']
const rulesOf = (folder: string): string =>
  RULES.map(name =>
    rule(name, `evt.type = ${name} and proc.args contains ${folder}`, '%proc.pid %fd.type %fd.name'),
  ).join('')

/** What the calls of a process on its last descriptors say of these. */
function namesOf(alerts: readonly Alert[], pid: number): readonly string[] {
  return alerts
    .map(alert => alert.output_fields)
    .filter(fields => fields['proc.pid'] === pid)
    .map(fields => `${fields['fd.type']} ${fields['fd.name']}`)
}

const wanted = (folder: string, said: Said): readonly string[] => [
  `file ${folder}/last`,
  `file ${folder}/beside`,
  'pipe ',
  `ipv4 ${said.tcpName}`,
  `ipv6 ${said.udpName}`,
]

const anonymousMb = (pid: number): number =>
  Number(/^RssAnon:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024

test('very many descriptors, of before and opened meanwhile: the last ones are known by name', skip, async t => {
  const folder = scratch(t)
  const before = await open(t, folder)
  t.diagnostic(
    `${before.said.count} descriptors${before.said.count < FDS ? ', as one process may have no more here' : ''}`,
  )
  const watcher = await watch(t, folder, rulesOf(folder), ['engine.modern_ebpf.buf_size_preset=7'])
  await use(before.actor)
  const meanwhile = await open(t, folder)
  await use(meanwhile.actor)
  // All is known of the start.
  await watcher.says('probe attached')
  t.diagnostic(/probe attached.*/.exec(watcher.err)?.[0] ?? '')
  await use(before.actor)
  for (const { actor, said, times } of [
    { ...before, times: 2 },
    { ...meanwhile, times: 1 },
  ]) {
    const pid = actor.child.pid!
    const want = Array(times).fill(wanted(folder, said)).flat()
    await until('its alerts', () => namesOf(watcher.alerts, pid).length >= want.length)
    assert.deepEqual(namesOf(watcher.alerts, pid), want)
  }
  const anonymous = anonymousMb(watcher.child.pid!)
  t.diagnostic(`the agent has ${anonymous.toFixed(0)} MB besides its ring and its program`)
  assert.ok(anonymous < MOST_MB, `${anonymous} MB`)
  assert.equal((await watcher.end()).lost_events, 0)
})

test('very many descriptors: a recording has them, and is read again', skip, async t => {
  const folder = scratch(t)
  const { actor, said } = await open(t, folder)
  const capture = join(folder, 'live.scap')
  await whileLosing(async () => {
    const recorder = tiercel(t, ['record', capture])
    await recorder.says('recording into')
    await use(actor)
    recorder.child.kill('SIGTERM')
    assert.equal(await recorder.ended, 0, recorder.err)
  })
  const { fds } = readAsLibscap(capture)
  t.diagnostic(`${fds} descriptors in the recording, of these ${said.count} of one process`)
  assert.ok(fds >= said.count)
  const rules = join(folder, 'rules.yaml')
  writeFileSync(rules, rulesOf(folder))
  const replay = tiercel(t, ['replay', capture, '--json', '-r', rules])
  assert.equal(await replay.ended, 0, `${replay.child.signalCode} ${replay.err}`)
  const alerts = replay.out.split('\n').flatMap(line => (line === '' ? [] : [JSON.parse(line) as Alert]))
  assert.deepEqual(namesOf(alerts, actor.child.pid!), wanted(folder, said))
})
