/**
 * What may go wrong around a running agent: it is killed, stopped, flooded, made to load its rules all the time; process ids come again. The
 * agent is `tiercel run` in a process of its own, the events are those of `testdata/actor.py`.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { liveSkipReason } from '../../src/events/live/testing.ts'

const skip = { skip: liveSkipReason() }
const PATIENCE_MS = 30_000
const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))
const script = fileURLToPath(new URL('testdata/actor.py', import.meta.url))

const rule = (name: string, condition: string, output: string): string =>
  `- rule: ${name}\n  desc: d\n  condition: ${condition}\n  output: '${output}'\n  priority: WARNING\n`

interface Alert {
  readonly rule: string
  readonly output_fields: Readonly<Record<string, unknown>>
}

async function until(what: string, isTrue: () => boolean | Promise<boolean>): Promise<void> {
  const untilMs = performance.now() + PATIENCE_MS
  while (!(await isTrue())) {
    if (performance.now() > untilMs) assert.fail(`${what}: not within ${PATIENCE_MS} ms`)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

/** Ended with the test, before its folder goes. */
const running = new Map<TestContext, Running[]>()

/** A program of the test whose output is kept; it ends with the test. */
class Running {
  readonly child: ChildProcess
  out = ''
  err = ''
  readonly ended: Promise<unknown>

  constructor(t: TestContext, file: string, args: readonly string[]) {
    const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'] })
    child.stdout.on('data', (bytes: Buffer) => (this.out += bytes.toString()))
    child.stderr.on('data', (bytes: Buffer) => (this.err += bytes.toString()))
    this.ended = new Promise(resolve => child.on('close', resolve))
    this.child = child
    running.set(t, [...(running.get(t) ?? []), this])
  }

  async says(text: string): Promise<void> {
    await until(`${text} from ${this.child.spawnargs.join(' ')}`, () => {
      if (this.child.exitCode !== null) assert.fail(`it ended: ${this.err}`)
      return this.out.includes(text) || this.err.includes(text)
    })
  }
}

const act = (t: TestContext, what: string, folder: string): Running =>
  new Running(t, '/usr/bin/python3', ['-S', script, what, folder])

class Watcher extends Running {
  constructor(t: TestContext, rules: string, config: readonly string[] = []) {
    const settings = ['log_level=info', 'log_stderr=true', ...config].flatMap(each => ['-o', each])
    super(t, process.execPath, [
      '--disable-warning=ExperimentalWarning',
      main,
      'run',
      '--json',
      '--stats',
      '-r',
      rules,
      ...settings,
    ])
  }

  /** Alerts so far, whole lines only. */
  get alerts(): readonly Alert[] {
    const lines = this.out.slice(0, this.out.lastIndexOf('\n') + 1).split('\n')
    return lines.filter(line => line !== '').map(line => JSON.parse(line) as Alert)
  }

  /** Ends it in good order and gives its own figures. */
  async end(): Promise<{ readonly lost_events: number }> {
    this.child.kill('SIGTERM')
    await this.ended
    return JSON.parse(this.err.trimEnd().split('\n').at(-1)!) as { readonly lost_events: number }
  }

  async metrics(): Promise<ReadonlyMap<string, number>> {
    const port = /are on port (\d+)/.exec(this.err)?.[1]
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`, { headers: { connection: 'close' } })).text()
    const lines = text.split('\n').filter(line => line !== '' && !line.startsWith('#'))
    return new Map(
      lines.map(line => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
    )
  }
}

const WITH_PAGES: readonly string[] = [
  'webserver.enabled=true',
  'webserver.listen_port=0',
  'webserver.listen_address=127.0.0.1',
  'webserver.prometheus_metrics_enabled=true',
  'metrics.enabled=true',
  'metrics.kernel_event_counters_enabled=true',
  'metrics.kernel_event_counters_per_cpu_enabled=true',
  'metrics.state_counters_enabled=true',
]

async function watch(t: TestContext, folder: string, rules: string, config: readonly string[] = []): Promise<Watcher> {
  const file = join(folder, 'rules.yaml')
  if (!existsSync(file)) writeFileSync(file, rules)
  const watcher = new Watcher(t, file, config)
  await watcher.says('watching')
  return watcher
}

function scratch(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'tiercel-faults-'))
  t.after(async () => {
    for (const { child, ended } of running.get(t) ?? []) {
      child.kill('SIGKILL')
      await ended
    }
    rmSync(folder, { recursive: true, force: true })
  })
  return folder
}

test('killed and started again while events flow: the next one knows who was there before', skip, async t => {
  const folder = scratch(t)
  const rules = rule(
    'made',
    `evt.type in (open, openat) and fd.name startswith ${folder}/f`,
    '%fd.name %proc.args %proc.pname',
  )
  const first = await watch(t, folder, rules)
  const actor = act(t, 'files', folder)
  await until('alerts', () => first.alerts.length > 50)
  first.child.kill('SIGKILL')
  await first.ended
  const second = await watch(t, folder, rules)
  await until('alerts again', () => second.alerts.length > 50)
  const { output_fields: fields } = second.alerts[0]!
  assert.equal(fields['proc.args'], `-S ${script} files ${folder}`)
  assert.equal(fields['proc.pname'], readFileSync('/proc/self/comm', 'utf8').trimEnd())
  writeFileSync(join(folder, 'enough'), '')
  await actor.ended
  assert.equal((await second.end()).lost_events, 0)
})

test(
  'the ring is full: losses are counted, shown and alerted, and what they would have told is found out',
  skip,
  async t => {
    const folder = scratch(t)
    const rules =
      rule('mode', `evt.type = fchmod and fd.name startswith ${folder}`, '%fd.name %proc.args %proc.pid %proc.ppid') +
      rule('never', 'evt.type in (mkdir, mkdirat) and evt.arg.path = never', 'o')
    const watcher = await watch(t, folder, rules, WITH_PAGES)
    const actor = act(t, 'before', folder)
    await actor.says('ready')
    await until('its file', async () => ((await watcher.metrics()).get('tiercel_events_total') ?? 0) > 0)
    watcher.child.kill('SIGSTOP')
    await act(t, 'flood', folder).ended
    actor.child.stdin!.write('on\n')
    await actor.says('again')
    watcher.child.kill('SIGCONT')
    const isDrop = (a: Alert): boolean => a.rule === 'Falco internal: syscall event drop'
    await until('the alert about it', () => watcher.alerts.some(isDrop))
    const { output_fields: fields } = watcher.alerts.find(isDrop)!
    assert.ok(Number(fields['n_drops']) > 1000)
    assert.equal(fields['n_drops_buffer_total'], fields['n_drops'])
    const metrics = await watcher.metrics()
    const lost = metrics.get('falcosecurity_scap_n_drops_total') ?? 0
    const perCpu = [...metrics].filter(([key]) => key.startsWith('falcosecurity_scap_n_drops_cpu_total'))
    assert.ok(lost > 1000)
    assert.equal(
      perCpu.reduce((sum, [, count]) => sum + count, 0),
      lost,
    )
    actor.child.stdin!.write('on\n')
    await until('both alerts', () => watcher.alerts.filter(a => a.rule === 'mode').length === 2)
    const seen = watcher.alerts.filter(a => a.rule === 'mode').map(a => a.output_fields)
    assert.deepEqual(
      seen.map(each => [each['fd.name'], each['proc.args']]),
      Array(2).fill([`${folder}/second`, `-S ${script} after ${folder}`]),
    )
    assert.equal(seen.filter(each => each['proc.pid'] === actor.child.pid).length, 1)
    assert.equal(seen.filter(each => each['proc.ppid'] === actor.child.pid).length, 1)
  },
)

test('rules are loaded again and again under load, and every event is judged once', skip, async t => {
  const folder = scratch(t)
  const rules = rule('made', `evt.type in (open, openat) and fd.name startswith ${folder}/f`, '%fd.name')
  const watcher = await watch(t, folder, rules)
  const actor = act(t, 'files', folder)
  await until('alerts', () => watcher.alerts.length > 50)
  const reloads = (): number => watcher.err.split('rules are in force').length - 1
  for (let count = 1; count <= 10; count++) {
    const extra = rule(`also ${count}`, 'evt.type = kexec_load and proc.name = never', 'o')
    writeFileSync(join(folder, 'rules.yaml'), rules + extra)
    watcher.child.kill('SIGHUP')
    await until('the reload', () => reloads() >= count)
  }
  writeFileSync(join(folder, 'enough'), '')
  await actor.ended
  await until('all files', () => watcher.alerts.length >= Number(actor.out))
  const names = watcher.alerts.map(a => a.output_fields['fd.name'])
  assert.deepEqual([names.length, new Set(names).size], [Number(actor.out), Number(actor.out)])
  assert.equal((await watcher.end()).lost_events, 0)
})

test('a fork bomb leaves nothing behind, and the agent goes on', skip, async t => {
  const folder = scratch(t)
  const rules = rule('mode', `evt.type = fchmod and fd.name startswith ${folder}`, '%fd.name %proc.args')
  const watcher = await watch(t, folder, rules, WITH_PAGES)
  const threads = async (): Promise<number> => (await watcher.metrics()).get('falcosecurity_scap_n_threads_total') ?? 0
  await until('figures', async () => (await threads()) > 0)
  const before = await threads()
  await act(t, 'bomb', folder).ended
  // Other tests have processes of their own meanwhile; the bomb had five hundred.
  await until('its end', async () => (await threads()) < before + 250)
  const actor = act(t, 'before', folder)
  await actor.says('ready')
  actor.child.stdin!.write('on\n')
  await actor.says('again')
  actor.child.stdin!.write('on\n')
  await until('alerts', () => watcher.alerts.filter(a => a.rule === 'mode').length === 2)
  assert.equal(watcher.alerts.find(a => a.rule === 'mode')?.output_fields['proc.args'], `-S ${script} after ${folder}`)
})

test('a process id that comes again is another process', skip, async t => {
  const folder = scratch(t)
  for (const name of ['one', 'two']) writeFileSync(join(folder, name), '')
  const rules = rule(
    'mode',
    `evt.type in (chmod, fchmodat) and evt.args contains ${folder}`,
    '%proc.name %proc.pid %proc.args',
  )
  const watcher = await watch(t, folder, rules)
  const actor = act(t, 'reuse', folder)
  await actor.ended
  if (!/^\d+\n$/.test(actor.out)) {
    t.skip(actor.out + actor.err)
    return
  }
  await until('both', () => watcher.alerts.length >= 2)
  const pid = Number(actor.out)
  assert.deepEqual(
    watcher.alerts.map(a => [a.output_fields['proc.name'], a.output_fields['proc.pid']]),
    [
      ['chmod', pid],
      ['python3', pid],
    ],
  )
})
