import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'

/*
 * `tiercel run` as a process of its own, on made-up events (agent/testdata/fake-live.ts): signals, files, exit codes. The machine may be
 * busy, so everything waits for what it wants to see.
 */

const PATIENCE_MS = 120_000
const main = fileURLToPath(new URL('main.ts', import.meta.url))
const fake = (query: string): string => new URL(`../agent/testdata/fake-live.ts?${query}`, import.meta.url).href

const rule = (name: string): string =>
  `- rule: ${name}\n  desc: d\n  condition: evt.type = openat\n  output: '${name} %fd.name'\n  priority: WARNING\n`

interface Run {
  readonly child: ChildProcess
  readonly folder: string
  readonly rules: string
  out: string
  err: string
  /** Resolves when `isTrue` is. */
  until(what: string, isTrue: (run: Run) => boolean): Promise<void>
  exitCode(): Promise<number | null>
}

function startRun(t: TestContext, query: string, args: readonly string[] = [], rules: string = rule('first')): Run {
  const folder = mkdtempSync(join(tmpdir(), 'tiercel-run-'))
  const file = join(folder, 'rules.yaml')
  writeFileSync(file, rules)
  const flags = ['--disable-warning=ExperimentalWarning']
  const child = spawn(process.execPath, [...flags, main, 'run', '-r', file, ...args], {
    env: { ...process.env, TIERCEL_LIVE_SOURCE: fake(query), NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const exited = new Promise<number | null>(resolve => child.on('exit', code => resolve(code)))
  const run: Run = {
    child,
    folder,
    rules: file,
    out: '',
    err: '',
    until: async (what, isTrue) => {
      const untilMs = performance.now() + PATIENCE_MS
      while (!isTrue(run)) {
        if (performance.now() > untilMs)
          assert.fail(`${what}: not within ${PATIENCE_MS} ms\n${run.err}\n${run.out.slice(-500)}`)
        await new Promise(resolve => setTimeout(resolve, 10))
      }
    },
    exitCode: () => exited,
  }
  child.stdout?.on('data', (bytes: Buffer) => (run.out += bytes.toString()))
  child.stderr?.on('data', (bytes: Buffer) => (run.err += bytes.toString()))
  t.after(async () => {
    child.kill('SIGKILL')
    await exited
    rmSync(folder, { recursive: true, force: true })
  })
  return run
}

test('SIGTERM ends it cleanly: a summary, no pid file left, exit code 0', async t => {
  const pidfile = join(tmpdir(), `tiercel-run-${process.pid}.pid`)
  const run = startRun(t, 'rate=500', ['--pidfile', pidfile])
  await run.until('an alert', r => r.out.includes('first /tmp/f1'))
  assert.equal(readFileSync(pidfile, 'utf8'), `${run.child.pid}\n`)
  run.child.kill('SIGTERM')
  assert.equal(await run.exitCode(), 0)
  assert.match(run.err, /Events detected: \d+\n/)
  assert.ok(!existsSync(pidfile))
})

test('SIGHUP loads the rules again; an error keeps the old ones and is shown with its place', async t => {
  const run = startRun(t, 'rate=200', ['-o', 'watch_config_files=false'])
  await run.until('an alert', r => r.out.includes('first'))
  writeFileSync(run.rules, rule('second'))
  run.child.kill('SIGHUP')
  await run.until('an alert of the new rule', r => r.out.includes('second'))
  writeFileSync(run.rules, rule('third').replace('evt.type', 'evt.tpye'))
  run.child.kill('SIGHUP')
  await run.until('the finding', r => r.err.includes('did you mean `evt.type`'))
  await run.until('the refusal', r => r.err.includes('the old rules and configuration stay in force'))
  await run.until('an alert about it', r => r.out.includes('Falco internal: hot restart failure'))
  const before = run.out.length
  await run.until('the old rule goes on', r => r.out.slice(before).includes('second'))
})

test('a changed rule file counts without being asked', async t => {
  const run = startRun(t, 'rate=200')
  await run.until('an alert', r => r.out.includes('first'))
  // As editors do it: a new file in the place of the old one.
  writeFileSync(`${run.rules}.new`, rule('second'))
  renameSync(`${run.rules}.new`, run.rules)
  await run.until('an alert of the new rule', r => r.out.includes('second'))
})

test('SIGUSR1 opens the file of alerts anew, and no debugger', async t => {
  const log = join(tmpdir(), `tiercel-run-${process.pid}.log`)
  t.after(() => {
    rmSync(log, { force: true })
    rmSync(`${log}.1`, { force: true })
  })
  const output = [
    '-o',
    'file_output.enabled=true',
    '-o',
    `file_output.filename=${log}`,
    '-o',
    'file_output.keep_alive=true',
  ]
  const run = startRun(t, 'rate=200', output)
  await run.until('the file', () => existsSync(log))
  renameSync(log, `${log}.1`)
  run.child.kill('SIGUSR1')
  await run.until('a new file', () => existsSync(log))
  assert.doesNotMatch(run.err, /[Dd]ebugger/)
})

test('a probe that cannot be loaded is one line, a cure, and exit code 1', async t => {
  const run = startRun(t, `refuse=${encodeURIComponent('the kernel has no BTF (/sys/kernel/btf/vmlinux)')}`)
  assert.equal(await run.exitCode(), 1)
  assert.match(run.err, /^tiercel: the kernel has no BTF \(\/sys\/kernel\/btf\/vmlinux\)$/m)
  assert.match(run.err, /help: do something about it/)
})

test('rules with an error: nothing is started', async t => {
  const run = startRun(t, 'rate=200', [], rule('bad').replace('evt.type', 'evt.tpye'))
  assert.equal(await run.exitCode(), 1)
  assert.equal(run.out, '')
  assert.match(run.err, /the rules have an error\n/)
})

test('a port that is taken ends the start with one line', async t => {
  const run = startRun(t, 'rate=200', ['-o', 'webserver.enabled=true', '-o', 'webserver.listen_address=192.0.2.1'])
  assert.equal(await run.exitCode(), 1)
  assert.match(run.err, /^tiercel: the web server cannot listen on 192\.0\.2\.1:8765: /m)
})

test('--duration and --stats: figures as one JSON object', async t => {
  const run = startRun(t, 'rate=1000', ['-M', '1', '--stats'])
  assert.equal(await run.exitCode(), 0)
  const figures = JSON.parse(run.err.trimEnd().split('\n').at(-1)!) as Record<string, number>
  assert.ok(figures['events']! > 0)
  assert.equal(figures['alerts'], figures['events'])
  assert.equal(figures['lost_events'], 0)
})
