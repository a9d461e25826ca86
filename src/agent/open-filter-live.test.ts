import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { NameIndex } from '../domains/name-index.ts'
import { liveSkipReason } from '../events/live/testing.ts'
import type { Plan } from '../rules/plan.ts'
import { wantedEvents } from './base-syscalls.ts'
import * as kernel from './kernel-events.ts'
import type { LiveSource } from './live-source.ts'
import { loadConfig } from './load-config.ts'
import { loadRules } from './load-rules.ts'
import { openFilterOf } from './open-filter.ts'
import { Pipeline } from './pipeline.ts'
import { plainSetup } from './testdata/plain-setup.ts'

const { config } = loadConfig({ env: {} })
const RING_BYTES = 64 * 1024 * 1024
const script = fileURLToPath(new URL('./testdata/open-and-close.py', import.meta.url))

function rulesAbout(folder: string): string {
  const rule = (name: string, condition: string): string =>
    `- rule: ${name}\n  desc: d\n  condition: proc.cmdline contains ${folder} and ${condition}\n` +
    `  output: '%evt.type %fd.num %fd.name %evt.arg.fd %evt.res %proc.pid'\n  priority: INFO\n`
  const opens = 'evt.type in (open, openat, openat2)'
  return [
    rule('secret', `${opens} and fd.name endswith .secret`),
    rule('raw', `${opens} and fd.nameraw contains ../deep/`),
    rule('written', `${opens} and evt.is_open_write = true and fd.name startswith ${folder}/deep`),
    rule('tasted', `${opens} and proc.name = taster`),
    rule('mode', 'evt.type = fchmod and evt.arg.mode contains S_IXUSR'),
  ].join('')
}

/** A source with a state and rules of its own. */
function listen(
  plan: Plan,
  leavesOut: boolean,
): { source: LiveSource; alerts: string[]; drain: () => void; begin: () => void } {
  const alerts: string[] = []
  const wanted = { ...wantedEvents(plan.rules, config.baseSyscalls), observesNames: false }
  const source = kernel.openLive({ wanted, snaplen: 80, ringBytes: RING_BYTES })
  const pipeline = new Pipeline({
    // Live, where what is unknown is asked for; here nothing is ever found.
    lookup: { process: () => undefined, fd: () => undefined },
    plan,
    fields: loadRules([], config).fields,
    ...plainSetup,
    names: new NameIndex({}),
    onAlert: alert => alerts.push(`${alert.rule.name}: ${alert.text}`),
  })
  return {
    source,
    alerts,
    begin: () => {
      for (const world = source.tellWorld(pipeline.sink); world.next().done !== true; );
      if (leavesOut) source.setWanted({ ...wanted, opens: openFilterOf(plan.rules, '') })
    },
    drain: () => {
      while (source.drain(record => pipeline.sink.event(record)) > 0);
    },
  }
}

test('what the kernel leaves out changes no alert', { skip: liveSkipReason() }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tiercel-opens-'))
  const { rules } = loadRules([{ path: 'r.yaml', text: rulesAbout(folder) }], config)
  assert.ok(rules.plan, JSON.stringify(rules.results))
  const filter = openFilterOf(rules.plan.rules, '')
  assert.ok(filter?.reads !== undefined && filter.writes !== undefined && filter.namedCalls.has('fchmod'))
  const listeners = [listen(rules.plan, false), listen(rules.plan, true)] as const
  const drain = (): void => {
    for (const one of listeners) one.drain()
  }
  const timer = setInterval(drain, 20)
  try {
    for (const one of listeners) one.begin()
    for (let seed = 1; seed <= 3; seed++) {
      const child = spawn('/usr/bin/python3', ['-S', script, folder, `${seed}`, '300'], { stdio: 'inherit' })
      const code = await new Promise(resolve => child.on('close', resolve))
      assert.equal(code, 0)
    }
    drain()
    const [all, filtered] = listeners.map(one => one.source.counters())
    assert.equal(all?.lost, 0)
    assert.equal(filtered?.lost, 0)
    const leftOut = filtered?.others?.['left_out'] ?? 0
    assert.equal(all?.others?.['left_out'], 0)
    assert.ok(leftOut > 500, `only ${leftOut} opens and closes were left out`)
    const [expected, got] = listeners.map(one => one.alerts.toSorted())
    assert.ok(expected!.length > 500, `only ${expected!.length} alerts`)
    for (const name of ['secret', 'raw', 'written', 'tasted', 'mode']) {
      assert.ok(
        expected!.some(alert => alert.startsWith(name)),
        `no alert of ${name}`,
      )
    }
    assert.deepEqual(got, expected)
  } finally {
    clearInterval(timer)
    for (const one of listeners) await one.source.close()
    rmSync(folder, { recursive: true })
  }
})
