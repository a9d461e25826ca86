import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, connect, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { cutLinks, liveSkipReason } from '../events/live/testing.ts'
import type { OutputMessage, OutputSink } from '../outputs/sinks/sink.ts'
import { openLive } from './kernel-events.ts'
import { loadConfig } from './load-config.ts'
import { loadRules } from './load-rules.ts'
import { type Agent, type AgentNews, type AgentOptions, type LiveSetup, startAgent } from './run.ts'
import { startWorker } from './start-worker.ts'

/* The agent on the real kernel, in its own processes and files only: whatever else this machine does must not matter. */

const PATIENCE_MS = 120_000
const skip = { skip: liveSkipReason() }

interface Alert {
  readonly rule: string
  readonly output_fields: Readonly<Record<string, unknown>>
}

interface Live {
  readonly agent: Agent
  /** Those of the rules. */
  readonly alerts: Alert[]
  /** Those that the agent raises about itself: where others are busy, of lost events. */
  readonly ownAlerts: Alert[]
  readonly news: AgentNews[]
  rules: string
  readonly folder: string
  until(what: string, isTrue: () => boolean): Promise<void>
}

async function openLiveAgent(
  t: TestContext,
  rulesFor: (folder: string) => string,
  { config: overrides = [], ...options }: Partial<AgentOptions> & { readonly config?: readonly string[] } = {},
): Promise<Live> {
  const alerts: Alert[] = []
  const ownAlerts: Alert[] = []
  const news: AgentNews[] = []
  const folder = mkdtempSync(join(tmpdir(), 'tiercel-live-'))
  const sink: OutputSink = {
    name: 'test',
    maxBatch: 1000,
    write: async (messages: readonly OutputMessage[]) => {
      for (const { line } of messages) {
        const alert = JSON.parse(line) as Alert
        if (alert.rule.startsWith('Falco internal:')) ownAlerts.push(alert)
        else alerts.push(alert)
      }
    },
    reopen: async () => {},
    close: async () => {},
    abort: () => {},
  }
  const live = {
    alerts,
    ownAlerts,
    news,
    folder,
    rules: rulesFor(folder),
    until: async (what: string, isTrue: () => boolean) => {
      const untilMs = performance.now() + PATIENCE_MS
      while (!isTrue()) {
        if (performance.now() > untilMs) assert.fail(`${what}: not within ${PATIENCE_MS} ms; ${JSON.stringify(alerts)}`)
        await new Promise(resolve => setTimeout(resolve, 10))
      }
    },
  }
  const agent = await startAgent({
    load: (onConfig): LiveSetup => {
      const { config } = loadConfig({
        env: {},
        overrides: ['json_output=true', 'engine.modern_ebpf.buf_size_preset=7', ...overrides],
      })
      onConfig(config)
      const { rules } = loadRules([{ path: 'r.yaml', text: live.rules }], config)
      assert.ok(rules.plan, JSON.stringify(rules.results))
      return { config, plan: rules.plan, configFiles: [], ruleFiles: [], folders: [] }
    },
    worker: startWorker(new URL('kernel-events.ts', import.meta.url).href),
    versions: { tiercel: '0.0.0', falco: '0.44.0' },
    versionPage: {},
    onNews: one => news.push(one),
    openSinks: () => [sink],
    ...options,
  })
  t.after(async () => {
    agent.stop()
    const { failure } = await agent.ended
    rmSync(folder, { recursive: true })
    assert.equal(failure, undefined)
  })
  const whole = Object.assign(live, { agent })
  await whole.until('detection', () => news.some(n => n.kind === 'detecting'))
  return whole
}

const rule = (name: string, condition: string, output = 'o'): string =>
  `- rule: ${name}\n  desc: d\n  condition: ${condition}\n  output: '${output}'\n  priority: WARNING\n`

test('programs, their arguments and their parents are seen as they start', skip, async t => {
  const live = await openLiveAgent(t, folder =>
    rule('ran', `evt.type = execve and proc.args contains ${folder}`, '%proc.name %proc.args %proc.pname %proc.pid'),
  )
  spawnSync('/bin/sh', ['-c', `true; /bin/ls ${live.folder} >/dev/null; true`])
  await live.until('ls', () => live.alerts.some(a => a.output_fields['proc.name'] === 'ls'))
  const ls = live.alerts.find(a => a.output_fields['proc.name'] === 'ls')
  assert.equal(ls?.output_fields['proc.args'], live.folder)
  assert.equal(ls?.output_fields['proc.pname'], 'sh')
})

test('files that others open, and not those that the agent opens', skip, async t => {
  const live = await openLiveAgent(t, folder =>
    rule('opened', `evt.type in (open, openat, openat2) and fd.name startswith ${folder}`, '%fd.name %proc.name'),
  )
  writeFileSync(join(live.folder, 'mine'), 'x')
  spawnSync('/bin/cat', [join(live.folder, 'mine')])
  await live.until('cat', () => live.alerts.length > 0)
  assert.deepEqual(
    live.alerts.map(a => [a.output_fields['fd.name'], a.output_fields['proc.name']]),
    [[join(live.folder, 'mine'), 'cat']],
  )
})

test('connections, with both ends', skip, async t => {
  const server = createServer(socket => socket.end('hello'))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const { port } = server.address() as AddressInfo
  const live = await openLiveAgent(t, () =>
    rule('connected', `evt.type = connect and fd.sport = ${port}`, '%fd.name %fd.sip %fd.sport %proc.name'),
  )
  // The agent's own connections are left out: somebody else connects.
  connect({ port, host: '127.0.0.1' }).resume()
  spawnSync('/bin/bash', ['-c', `exec 3<>/dev/tcp/127.0.0.1/${port}`])
  await live.until('bash', () => live.alerts.length > 0)
  assert.deepEqual(
    live.alerts.map(a => [a.output_fields['proc.name'], a.output_fields['fd.sip'], a.output_fields['fd.sport']]),
    [['bash', '127.0.0.1', port]],
  )
})

test('a reload that needs other calls traces them, and no event between is missed', skip, async t => {
  const live = await openLiveAgent(t, folder =>
    rule('before', `evt.type in (openat, open) and fd.name startswith ${folder}/f`, '%fd.name'),
  )
  live.rules =
    rule('after', `evt.type in (openat, open) and fd.name startswith ${live.folder}/f`, '%fd.name') +
    rule('removed', `evt.type in (unlink, unlinkat) and evt.args contains ${live.folder}`, '%evt.type')
  // Files are made until the new rule has judged some, so that the reload falls into their middle however fast either is.
  const script = `i=0; while [ ! -e ${live.folder}/enough ]; do i=$((i+1)); : > ${live.folder}/f$i; done; echo $i`
  const child = spawn('/bin/sh', ['-c', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  let made = ''
  child.stdout.on('data', (bytes: Buffer) => (made += bytes.toString()))
  const done = new Promise(resolve => child.on('close', resolve))
  const has = (name: string): boolean => live.alerts.some(a => a.rule === name)
  // A crowded machine has the agent alert about itself, too.
  const ofFiles = (): Alert[] => live.alerts.filter(a => a.rule === 'before' || a.rule === 'after')
  await live.until('the first', () => live.alerts.length > 100)
  live.agent.reload('signal')
  await live.until('the new rule', () => has('after'))
  writeFileSync(join(live.folder, 'enough'), '')
  await done
  await live.until('all files', () => ofFiles().length >= Number(made))
  const names = new Set(ofFiles().map(a => a.output_fields['fd.name']))
  assert.equal(names.size, Number(made))
  assert.ok(has('before'))
  await live.until('the reload', () => live.news.some(n => n.kind === 'reloaded'))
  spawnSync('/bin/rm', [join(live.folder, 'f1')])
  await live.until('the removal', () => live.alerts.some(a => a.rule === 'removed'))
})

test('a quiet machine is healthy, a probe that is detached is not, and that is alerted', skip, async t => {
  const healthLimits = { silenceMs: 10_000, stallMs: 10_000, blindMs: 6_000, startMs: 60_000 }
  const live = await openLiveAgent(t, () => rule('never', 'evt.type = kexec_load'), { healthLimits })
  const stats = (): number => live.agent.figures().stats?.source.seen ?? 0
  await live.until('several beats', () => stats() >= 4)
  await live.until('health', () => live.agent.health === 'ok')
  // That the worker is late on a busy machine is another thing.
  assert.deepEqual(
    live.news.filter(n => n.kind === 'unhealthy' && n.reason.startsWith('the probe')),
    [],
  )
  cutLinks()
  await live.until('the fault', () => live.agent.health.startsWith('the probe has seen nothing'))
  const isBlind = (a: Alert): boolean => a.rule === 'Falco internal: timeouts notification'
  await live.until('an alert about it', () => live.ownAlerts.some(isBlind))
})

test('a reload that needs files whose opens were left out knows them', skip, async t => {
  const live = await openLiveAgent(t, folder => rule('begun', `evt.type = mkdir and evt.args contains ${folder}/go`))
  const file = join(live.folder, 'kept')
  writeFileSync(file, 'x')
  const script = `
import fcntl, os, sys, time
for _ in range(3): os.close(os.open(${JSON.stringify(file)}, os.O_RDONLY)) # the first ones are told
fd = os.open(${JSON.stringify(file)}, os.O_RDONLY)
os.mkdir(${JSON.stringify(`${live.folder}/go`)})
sys.stdin.read()
fcntl.flock(fd, fcntl.LOCK_SH)
time.sleep(60) # what is asked of an fd that is closed by then has no answer`
  const child = spawn('/usr/bin/python3', ['-S', '-c', script], { stdio: ['pipe', 'inherit', 'inherit'] })
  t.after(() => child.kill())
  await live.until('the open', () => live.alerts.some(a => a.rule === 'begun'))
  live.rules = rule('locked', `evt.type = flock and fd.name startswith ${live.folder}`, '%fd.name')
  live.agent.reload('signal')
  await live.until('the reload', () => live.news.some(n => n.kind === 'reloaded'))
  child.stdin.end()
  await live.until('the lock', () => live.alerts.some(a => a.rule === 'locked'))
  assert.equal(live.alerts.find(a => a.rule === 'locked')?.output_fields['fd.name'], file)
})

test('more data of an event than there can be: what there is, and a word about it', skip, async () => {
  const wanted = { syscalls: new Set<string>(), tracepoints: new Set<string>(), observesNames: false }
  const source = openLive({ wanted, snaplen: 20_000, ringBytes: 1 << 20 })
  try {
    assert.match(source.notices?.join('\n') ?? '', /the first 8192 bytes are kept, not 20000/)
  } finally {
    await source.close()
  }
})
