/** `tiercel run` for a test: its alerts as they come, and a way to know that it has judged everything so far. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  type Reply,
  SERVFAIL,
  type ScriptedDnsServer,
  startScriptedDnsServer,
} from '../../../src/domains/testdata/scripted-dns-server.ts'
import { rule } from '../observed-names/scene.ts'

const main: string = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url))
/** Nobody listens there; a UDP socket that is connected to it says how far the test is. */
const MARK_HOST = '127.99.0.1'
const DEADLINE_MS = 60_000

export interface SeenAlert {
  readonly rule: string
  /** Of the process. */
  readonly pid: number
  /** The output without time and priority. */
  readonly text: string
}

export interface AgentSettings {
  /** Rule files' text. */
  readonly rules: string
  /** Lines of the section `domains` of the configuration. */
  readonly domains?: readonly string[]
  /** What the agent's own look-ups find; nothing unless said otherwise. */
  readonly lookUps?: (name: string) => Reply
}

export class WatchingAgent {
  readonly #child: ChildProcess
  readonly #resolver: ScriptedDnsServer
  readonly #folder: string
  readonly #waiting: Map<number, () => void> = new Map()
  #alerts: SeenAlert[] = []
  #err = ''
  #out = ''
  #marks = 1

  private constructor(child: ChildProcess, resolver: ScriptedDnsServer, folder: string) {
    this.#child = child
    this.#resolver = resolver
    this.#folder = folder
  }

  /** Starts it and waits until it watches. Its own look-ups go to a server of the test. */
  static async start(settings: AgentSettings): Promise<WatchingAgent> {
    const folder = mkdtempSync(join(tmpdir(), 'tiercel-agent-'))
    const resolver = await startScriptedDnsServer(({ name }) => settings.lookUps?.(name) ?? SERVFAIL)
    const mark = rule('Mark', `evt.type = connect and fd.sip = ${MARK_HOST}`, '%fd.sport')
    writeFileSync(join(folder, 'rules.yaml'), settings.rules + mark)
    const config = [
      `rules_files: [${join(folder, 'rules.yaml')}]`,
      'json_output: true',
      'stdout_output: {enabled: true}',
      // Others on the machine may be busy.
      'engine: {kind: modern_ebpf, modern_ebpf: {buf_size_preset: 7}}',
      'append_output: [{extra_output: "pid=%proc.pid"}]',
      'rule_matching: all',
      'webserver: {enabled: false}',
      'domains:',
      `  servers: ["${resolver.address}"]`,
      ...(settings.domains ?? []).map(line => `  ${line}`),
    ]
    writeFileSync(join(folder, 'tiercel.yaml'), config.join('\n'))
    const child = spawn(process.execPath, [
      '--disable-warning=ExperimentalWarning',
      main,
      'run',
      '-c',
      join(folder, 'tiercel.yaml'),
    ])
    const agent = new WatchingAgent(child, resolver, folder)
    try {
      await agent.#watch()
      // What it looks up itself is known from here on, or known not to be.
      await agent.alerts()
      return agent
    } catch (error) {
      await agent.stop()
      throw error
    }
  }

  #watch(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#child.stdout!.on('data', data => {
        this.#out += String(data)
        for (let end = this.#out.indexOf('\n'); end >= 0; end = this.#out.indexOf('\n')) {
          this.#onLine(this.#out.slice(0, end))
          this.#out = this.#out.slice(end + 1)
        }
      })
      this.#child.stderr!.on('data', data => {
        this.#err += String(data)
        if (this.#err.includes('watching')) resolve()
      })
      this.#child.on('exit', () => reject(new Error(`the agent has ended: ${this.#err}`)))
    })
  }

  #onLine(line: string): void {
    if (!line.startsWith('{')) return
    const alert = JSON.parse(line) as { rule: string; output: string; output_fields: Record<string, unknown> }
    if (alert.rule === 'Mark') {
      this.#waiting.get(Number(alert.output_fields['fd.sport']))?.()
      return
    }
    const [, text = '', pid] = /^\S+ \w+ (.*) pid=(\d+)$/s.exec(alert.output) ?? []
    this.#alerts.push({ rule: alert.rule, pid: Number(pid), text })
  }

  /** Waits until everything that happened before is judged, and gives the alerts since the last time. */
  async alerts(): Promise<readonly SeenAlert[]> {
    const number = this.#marks++
    const socket = createSocket('udp4')
    try {
      const seen = new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`no word of the agent: ${this.#err}`)), DEADLINE_MS)
        this.#waiting.set(number, () => {
          clearTimeout(timer)
          resolve()
        })
      })
      socket.connect(number, MARK_HOST)
      await once(socket, 'connect')
      await seen
    } finally {
      this.#waiting.delete(number)
      socket.close()
    }
    const alerts = this.#alerts
    this.#alerts = []
    return alerts
  }

  /** Names that it has looked up itself so far. */
  get lookedUp(): readonly string[] {
    return this.#resolver.questions.map(({ name }) => name)
  }

  /** Ends it; gives what it said on standard error. */
  async stop(): Promise<string> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      this.#child.kill('SIGINT')
      await once(this.#child, 'close')
    }
    await this.#resolver.close()
    rmSync(this.#folder, { recursive: true, force: true })
    return this.#err
  }
}
