import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { NameIndex } from '../domains/name-index.ts'
import { liveSkipReason } from '../events/live/testing.ts'
import { openSource } from '../events/open-source.ts'
import { allEvents } from './base-syscalls.ts'
import { loadConfig } from './load-config.ts'
import { loadRules } from './load-rules.ts'
import { Pipeline } from './pipeline.ts'
import { pumpLive } from './pump-live.ts'
import { CaptureRecorder } from './record-capture.ts'
import { tee } from './testdata/tee-sink.ts'

test('a live recording, also in pieces, replays with the alerts of the live run', {
  skip: liveSkipReason(),
}, async t => {
  const folder = mkdtempSync(join(tmpdir(), 'tiercel-record-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const text = `
- rule: opened
  desc: d
  condition: evt.type in (open, openat, openat2) and fd.name startswith ${folder}/dir
  output: '%fd.name %proc.name %proc.pname %proc.cwd %proc.exepath %user.name %thread.tid'
  priority: INFO
- rule: ran
  desc: d
  condition: evt.type = execve and proc.pcmdline contains ${folder}
  output: '%proc.cmdline %proc.exepath %proc.pcmdline %proc.cwd'
  priority: INFO
`
  const { config } = loadConfig({ env: {} })
  const { rules, fields } = loadRules([{ path: 'r.yaml', text }], config)
  assert.ok(rules.plan)
  const setup = { plan: rules.plan, fields, ruleMatching: 'all', minPriority: 7, appendOutput: [] } as const
  const judge = (alerts: string[]): Pipeline =>
    new Pipeline({
      ...setup,
      staticFields: new Map(),
      names: new NameIndex(),
      onAlert: alert => alerts.push(`${alert.tsNs} ${alert.rule.name} ${alert.text}`),
    })
  const live: string[] = []
  const recorder = new CaptureRecorder({
    path: join(folder, 'out.scap'),
    gzip: true,
    maxDurationNs: 300_000_000n,
    open: path => {
      const fd = openSync(path, 'w')
      return { write: bytes => void writeSync(fd, bytes), close: () => closeSync(fd) }
    },
  })
  const stop = new AbortController()
  const script = `cd ${folder} && mkdir dir && cd dir && for i in 1 2 3 4 5 6 7 8 9; do echo $i > f$i; /bin/cat f$i ../dir/f$i; sleep 0.1; done; : > done`
  let isBegun = false
  const counters = await pumpLive(await import('./kernel-events.ts'), tee(judge(live).sink, recorder.sink), {
    wanted: { ...allEvents(), observesNames: true },
    snaplen: 80,
    ringBytes: 64 * 1024 * 1024,
    signal: AbortSignal.any([stop.signal, AbortSignal.timeout(20_000)]),
    betweenPieces: () => {
      if (!isBegun) spawn('/bin/sh', ['-c', script], { stdio: 'ignore' })
      isBegun = true
      if (live.some(alert => alert.includes(`${folder}/dir/done`))) stop.abort()
      return undefined
    },
  })
  recorder.end()
  assert.equal(counters.lost, 0)
  assert.ok(live.length >= 9 * 4, `${live.length} alerts: ${live.join('\n')}`)
  assert.ok(recorder.files.length >= 3, `${recorder.files.length} files`)
  const replayed: string[] = []
  for (const path of recorder.files) {
    const summary = await (await openSource(path)).read(judge(replayed).sink)
    assert.equal(summary.error, undefined)
  }
  assert.deepEqual(replayed, live)
})
