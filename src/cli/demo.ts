import { makeMessage, type OutputMessage, type OutputSink } from '../outputs/sinks/sink.ts'
import type { Command } from './command.ts'
import { CommandError } from './command-error.ts'
import { loadRuleSet } from './load-rule-set.ts'
import { loadSettings } from './load-settings.ts'
import { ownCommand, ownPath } from './own-paths.ts'
import { paintAlert } from './paint-alert.ts'
import { Arguments } from './parse-arguments.ts'
import { wrapText } from './render-help.ts'
import { runReplay } from './replay.ts'
import { defaultRulesFolder } from './rule-files.ts'
import type { Terminal } from './terminal.ts'

/** One sample and what to say before and after it. */
interface Scene {
  readonly title: string
  readonly intro: string
  readonly capture: string
  readonly rules: readonly string[]
  readonly bindings?: string
}

const sample = (name: string): string => ownPath(`samples/${name}`)

const scenes: readonly Scene[] = [
  {
    title: 'An attack in a container',
    intro:
      'An attacker drops programs into a container and runs them, one from memory, reads password files, wipes logs, starts a reverse shell and tries to escape to the host.',
    capture: 'container.scap',
    rules: [],
  },
  {
    title: 'Two names behind one address',
    intro:
      'A process connects to 198.51.100.99 twice: once after looking up a name that is not on the allow-list, once after looking up a mining pool. The address is the same; the names tell them apart.',
    capture: 'network.scap',
    rules: ['demo_rules.yaml'],
    bindings: 'names.ndjson',
  },
]

/** Shows the first alert of each rule, and counts the others: whoever sees this for the first time wants to read them. */
class FirstAlerts implements OutputSink {
  readonly name = 'stdout'
  readonly maxBatch = 512
  readonly #terminal: Terminal
  readonly #seen = new Set<string>()

  constructor(terminal: Terminal) {
    this.#terminal = terminal
  }

  get shown(): number {
    return this.#seen.size
  }

  async write(messages: readonly OutputMessage[]): Promise<void> {
    for (const { line, priority } of messages) {
      const alert = JSON.parse(line) as { readonly rule: string; readonly output: string }
      if (this.#seen.has(alert.rule)) continue
      this.#seen.add(alert.rule)
      this.#terminal.out(`${paintAlert(makeMessage(alert.output, priority), this.#terminal.outColors)}\n`)
    }
    await this.#terminal.flush()
  }

  async reopen(): Promise<void> {}
  async close(): Promise<void> {}
  abort(): void {}
}

interface SceneOutcome {
  readonly alerts: number
  readonly shown: number
  readonly events: number
}

async function play(scene: Scene, terminal: Terminal): Promise<SceneOutcome> {
  const rules = [defaultRulesFolder(), ...scene.rules.map(sample)]
  const args = new Arguments([], new Map([['rules', rules]]))
  const settings = loadSettings(args, terminal, ['rule_matching=all', 'json_output=true'])
  const bindingsFile = scene.bindings === undefined ? '' : sample(scene.bindings)
  const config = { ...settings, domains: { ...settings.domains, bindingsFile } }
  const ruleSet = loadRuleSet(args, config, terminal)
  const sink = new FirstAlerts(terminal)
  const run = { files: [sample(scene.capture)], config, ruleSet, isQuiet: true, sinks: [sink] }
  const { summary, failed } = await runReplay(run, terminal)
  if (failed) throw new CommandError('the sample could not be replayed to the end', 'is the checkout complete?')
  return { alerts: summary.alerts.total, shown: sink.shown, events: summary.events }
}

export const demoCommand: Command = {
  name: 'demo',
  summary: 'replay the samples with the default rules',
  usage: '',
  operands: { min: 0, max: 0, name: 'operand' },
  options: [],
  doc: [
    'Replays two captures that come with Tiercel with the default rules, shows the alerts, and suggests what to try next.',
  ],
  examples: [{ command: 'tiercel demo', doc: 'nothing to prepare' }],
  exitCodes: ['the samples were replayed', 'they are missing or damaged'],
  run: async (_args, terminal) => {
    const { errColors: c } = terminal
    for (const scene of scenes) {
      terminal.err(`\n${c.bold(scene.title)}\n${c.dim(wrapText(scene.intro, 0))}\n\n`)
      const start = performance.now()
      const { alerts, shown, events } = await play(scene, terminal)
      const ms = Math.round(performance.now() - start)
      const more = alerts > shown ? `; ${alerts - shown} more by the same rules` : ''
      const text = `${shown} rules alerted on ${events} events${more}. ${ms} ms, including loading the rules.`
      terminal.err(`\n${c.dim(wrapText(text, 0))}\n`)
    }
    terminal.err(`\n${c.bold('What next')}\n`)
    const self = ownCommand()
    const next = [
      ['all alerts of the first sample; --json for programs', `${self} replay ${ownPath('samples/container.scap')}`],
      ['watch this machine', `sudo ${self} run`],
      ['your capture (sysdig -w), your Falco rules', `${self} replay YOUR.scap -r YOUR_RULES.yaml`],
      ['what is wrong with a rule file', `${self} check YOUR_RULES.yaml`],
      [`everything else; ${ownPath('rules/README.md')} has the rules`, `${self} help`],
    ]
    for (const [doc, command] of next) terminal.err(`  ${c.dim(`# ${doc}`)}\n  ${command}\n`)
    return 0
  },
}
