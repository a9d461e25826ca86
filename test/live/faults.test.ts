/**
 * What may go wrong around a running agent: it is killed, stopped, flooded, made to load its rules all the time; process ids come again. The
 * agent is `tiercel run` in a process of its own, the events are those of `testdata/actor.py`.
 */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { liveSkipReason } from '../../src/events/live/testing.ts'
import { type Alert, act, rule, scratch, script, until, watch } from './running.ts'

const skip = { skip: liveSkipReason() }

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

/** Others on the machine may be busy, and what is lost then is not the agent's fault. */
const LARGE_RING: readonly string[] = ['engine.modern_ebpf.buf_size_preset=7']

test('killed and started again while events flow: the next one knows who was there before', skip, async t => {
  const folder = scratch(t)
  const rules = rule(
    'made',
    `evt.type in (open, openat) and fd.name startswith ${folder}/f`,
    '%fd.name %proc.args %proc.pname',
  )
  const first = await watch(t, folder, rules, LARGE_RING)
  const actor = act(t, 'files', folder)
  await until('alerts', () => first.alertsOf('made').length > 50)
  first.child.kill('SIGKILL')
  await first.ended
  const second = await watch(t, folder, rules, LARGE_RING)
  await until('alerts again', () => second.alertsOf('made').length > 50)
  const { output_fields: fields } = second.alertsOf('made')[0]!
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
  const watcher = await watch(t, folder, rules, LARGE_RING)
  const actor = act(t, 'files', folder)
  await until('alerts', () => watcher.alerts.length > 50)
  const reloads = (): number => watcher.err.split('rules reloaded').length - 1
  for (let count = 1; count <= 10; count++) {
    const extra = rule(`also ${count}`, 'evt.type = kexec_load and proc.name = never', 'o')
    writeFileSync(join(folder, 'rules.yaml'), rules + extra)
    watcher.child.kill('SIGHUP')
    await until('the reload', () => reloads() >= count)
  }
  writeFileSync(join(folder, 'enough'), '')
  await actor.ended
  await until('all files', () => watcher.alertsOf('made').length >= Number(actor.out))
  const names = watcher.alertsOf('made').map(a => a.output_fields['fd.name'])
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
  const watcher = await watch(t, folder, rules, LARGE_RING)
  const actor = act(t, 'reuse', folder)
  await actor.ended
  if (!/^\d+\n$/.test(actor.out)) {
    t.skip(actor.out + actor.err)
    return
  }
  await until('both', () => watcher.alertsOf('mode').length >= 2)
  const pid = Number(actor.out)
  assert.deepEqual(
    watcher.alertsOf('mode').map(a => [a.output_fields['proc.name'], a.output_fields['proc.pid']]),
    [
      ['chmod', pid],
      ['python3', pid],
    ],
  )
})
