/** Programs of the tests of a live agent: `tiercel run` in a process of its own, and `testdata/actor.py`, whose events it sees. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'

const PATIENCE_MS = 120_000
const ATTEMPTS = 3
export const main: string = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))
export const script: string = fileURLToPath(new URL('testdata/actor.py', import.meta.url))

export const rule = (name: string, condition: string, output: string): string =>
  `- rule: ${name}\n  desc: d\n  condition: ${condition}\n  output: '${output}'\n  priority: WARNING\n`

export interface Alert {
  readonly rule: string
  readonly output_fields: Readonly<Record<string, unknown>>
}

export async function until(what: string, isTrue: () => boolean | Promise<boolean>): Promise<void> {
  const untilMs = performance.now() + PATIENCE_MS
  while (!(await isTrue())) {
    if (performance.now() > untilMs) assert.fail(`${what}: not within ${PATIENCE_MS} ms`)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

/** Ended with the test, before its folder goes. */
const running = new Map<TestContext, Running[]>()

/** A program of the test whose output is kept; it ends with the test. */
export class Running {
  readonly child: ChildProcess
  out = ''
  err = ''
  readonly ended: Promise<unknown>

  constructor(t: TestContext, file: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env } })
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

export const act = (t: TestContext, what: string, folder: string): Running =>
  new Running(t, '/usr/bin/python3', ['-S', script, what, folder])

export class Watcher extends Running {
  /** `wrap` is put before the command: another program that runs it. */
  constructor(
    t: TestContext,
    rules: string,
    config: readonly string[] = [],
    wrap: readonly string[] = [],
    env: Readonly<Record<string, string>> = {},
  ) {
    const settings = ['log_level=info', 'log_stderr=true', ...config].flatMap(each => ['-o', each])
    const command = [
      process.execPath,
      '--disable-warning=ExperimentalWarning',
      main,
      'run',
      '--json',
      '--stats',
      '-r',
      rules,
    ]
    const [file, ...args] = [...wrap, ...command, ...settings]
    super(t, file!, args, env)
  }

  /** Alerts so far, whole lines only. */
  get alerts(): readonly Alert[] {
    const lines = this.out.slice(0, this.out.lastIndexOf('\n') + 1).split('\n')
    return lines.filter(line => line !== '').map(line => JSON.parse(line) as Alert)
  }

  /** Those of a rule: on a busy machine the agent has alerts of its own to raise. */
  alertsOf(name: string): readonly Alert[] {
    return this.alerts.filter(alert => alert.rule === name)
  }

  /** Ends it in good order and gives its own figures. */
  async end(): Promise<{ readonly lost_events: number }> {
    this.child.kill('SIGTERM')
    await this.ended
    return JSON.parse(this.err.trimEnd().split('\n').at(-1)!) as { readonly lost_events: number }
  }

  async metrics(): Promise<ReadonlyMap<string, number>> {
    const port = /endpoints on port (\d+)/.exec(this.err)?.[1]
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`, { headers: { connection: 'close' } })).text()
    const lines = text.split('\n').filter(line => line !== '' && !line.startsWith('#'))
    return new Map(
      lines.map(line => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
    )
  }
}

/** An agent that detects. */
export async function watch(
  t: TestContext,
  folder: string,
  rules: string,
  config: readonly string[] = [],
  wrap: readonly string[] = [],
): Promise<Watcher> {
  const file = join(folder, 'rules.yaml')
  if (!existsSync(file)) writeFileSync(file, rules)
  const watcher = new Watcher(t, file, config, wrap)
  await watcher.says('watching')
  return watcher
}

/** A folder of the test; at its end its programs end first. */
export function scratch(t: TestContext): string {
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

/** Others may flood the machine; what is lost then is nobody's fault. */
export async function whileLosing(attempt: () => Promise<void>): Promise<void> {
  for (let left = ATTEMPTS - 1; ; left--) {
    try {
      return await attempt()
    } catch (error) {
      if (left === 0 || !String(error).includes('events were lost')) throw error
    }
  }
}
