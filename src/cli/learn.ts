import { counted } from '../values/counted.ts'
import { wantedEvents } from '../agent/base-syscalls.ts'
import type { Config } from '../agent/config.ts'
import { AlertCounter } from '../agent/count-alerts.ts'
import { LEARNED_CONNECTIONS, NameLearner } from '../agent/learn-names.ts'
import { loadRules } from '../agent/load-rules.ts'
import { type RenderedRules, renderLearned } from '../agent/render-learned.ts'
import { printable } from '../values/socket-text.ts'
import type { CurrentEvent } from '../state/current-event.ts'
import type { Command } from './command.ts'
import { CommandError, UsageError } from './command-error.ts'
import {
  allOf,
  type EventInput,
  openLists,
  parseFilter,
  processCondition,
  processOption,
  readEvents,
  scopeCondition,
  scopeOptions,
  splitOperands,
  stopSignal,
  watchingText,
  openView,
} from './event-input.ts'
import { requireReadableFile } from './input-file.ts'
import { loadRuleSet, type RuleSet } from './load-rule-set.ts'
import { loadSettings } from './load-settings.ts'
import { settingsOptions } from './shared-options.ts'
import type { Arguments, OptionSpec } from './parse-arguments.ts'
import { parseDuration } from './parse-duration.ts'
import { openProgressLine } from './progress-line.ts'
import { renderAlertGroups } from './render-names.ts'
import type { Terminal } from './terminal.ts'

const options: readonly OptionSpec[] = [
  {
    name: 'for',
    value: 'TIME',
    doc: 'how long to watch: 90s, 10m, 1h30m; of a capture, learn from its beginning and judge the rest',
  },
  ...scopeOptions,
  { name: 'as', value: 'NAME', doc: 'write one entry of this name for all that is watched, not one for each workload' },
  { name: 'no-patterns', doc: 'list names that rotate one by one, as Falco knows no `*.example.com`' },
  {
    name: 'since',
    value: 'RULES',
    doc: 'do not learn; show what these rules would have alerted on, live or in the captures',
  },
  { name: 'bindings', value: 'FILE', doc: 'additional names of addresses (NDJSON)' },
  ...settingsOptions,
]

interface Session {
  readonly terminal: Terminal
  readonly config: Config
  readonly files: readonly string[]
  readonly condition: string
  /** Of `--process`: ids of processes mean nothing later, so it is no part of the condition. */
  readonly process: number | undefined
  /** Of `--for`; undefined: to the end. */
  readonly seconds: number | undefined
  readonly bindings: string | undefined
}

/** What was learnt, and whether the input was not all right. */
interface Learned {
  readonly learner: NameLearner
  readonly failed: boolean
  /** When learning ended; Infinity: with the input. */
  readonly untilMs: number
}

/** Events of the session to `take`; `seconds` bounds live ones. */
async function readSession(
  session: Session,
  wanted: Omit<EventInput['wanted'], 'observesNames'>,
  sink: Parameters<typeof readEvents>[1],
  onPiece: (elapsedMs: number) => void,
): Promise<boolean> {
  const { files, seconds, terminal } = session
  const isLive = files.length === 0
  const { signal, release } = stopSignal(terminal, isLive ? seconds : undefined)
  const startMs = performance.now()
  let isToTell = isLive
  const betweenPieces = (): undefined => {
    if (isToTell) terminal.err(`${watchingText(seconds)}\n`)
    isToTell = false
    onPiece(performance.now() - startMs)
    return undefined
  }
  try {
    return await readEvents(
      {
        files,
        wanted: { ...wanted, observesNames: true },
        snaplen: 80,
        signal,
        betweenPieces,
        process: session.process,
      },
      sink,
      terminal,
    )
  } finally {
    release()
  }
}

async function learnNames(session: Session, asOne: boolean): Promise<Learned> {
  const { terminal, condition, config, seconds, files } = session
  const view = await openView(terminal, session.bindings, config.domains)
  const scoped = allOf([LEARNED_CONNECTIONS, condition, processCondition(session.process)])
  const filter = parseFilter(scoped, view.names, terminal)
  const learner = new NameLearner(view.names, { asOne })
  let untilMs = Number.POSITIVE_INFINITY
  const isBounded = files.length > 0 && seconds !== undefined
  const sink = view.sink((current: CurrentEvent): boolean => {
    if (isBounded) {
      if (untilMs === Number.POSITIVE_INFINITY) untilMs = current.timeMs + seconds * 1000
      if (current.timeMs >= untilMs) return false
    }
    if (filter.matches(current)) learner.learn(current)
    return true
  })
  const progress = openProgressLine(terminal, 'learning')
  const wanted = wantedEvents([filter.rule])
  try {
    const failed = await readSession(session, wanted, sink, elapsedMs => {
      const note = `${learner.connections} connections of ${learner.workloads.length} workloads`
      progress.update(elapsedMs, seconds === undefined ? Number.POSITIVE_INFINITY : seconds * 1000, note)
    })
    return { learner, failed, untilMs }
  } finally {
    progress.clear()
  }
}

async function learn(session: Session, args: Arguments): Promise<number> {
  const { terminal, files, config } = session
  const name = args.value('as')
  if (name !== undefined && !/^[\w .:/@-]{1,80}$/.test(name)) {
    throw new UsageError(`\`--as\` needs a name of letters, digits and .:/@_-, not \`${name}\``)
  }
  if (name !== undefined && session.process !== undefined && session.condition === '') {
    throw new UsageError(
      '`--as` with `--process` alone would be a rule about every process',
      'add a condition that stays true, such as `proc.aname = nginx`',
    )
  }
  const { learner, failed, untilMs } = await learnNames(session, name !== undefined)
  if (learner.connections === 0) {
    // What was wrong with the capture is said.
    if (failed && files.length > 0) return 1
    const isAll = session.condition === '' && session.process === undefined
    const cause = files.length === 0 ? 'nothing connected anywhere' : 'there is no connection in it'
    throw new CommandError(
      `nothing was learnt: ${cause}${isAll ? '' : ' that the condition takes'}`,
      'connections to this machine itself and to DNS servers do not count',
    )
  }
  const rendered = renderLearned(learner.workloads, {
    from: files.length === 0 ? 'this machine' : files.join(', '),
    firstMs: learner.firstMs,
    lastMs: learner.lastMs,
    connections: learner.connections,
    condition: session.condition,
    ...(name !== undefined && { name }),
    noPatterns: args.has('no-patterns'),
  })
  const { rules } = loadRules([{ path: 'learned.yaml', text: rendered.text }], config)
  const finding = rules.results.flatMap(result => result.findings)[0]
  if (rules.plan === undefined)
    throw new Error(`unreachable: what was learnt does not load: ${finding?.diagnostic.message}`)
  terminal.out(rendered.text)
  await terminal.flush()
  tellLearned(rendered, learner, terminal)
  if (files.length > 0) await judgeOwn(session, rendered.text, untilMs)
  return failed ? 1 : 0
}

function tellLearned(rendered: RenderedRules, learner: NameLearner, terminal: Terminal): void {
  const { rules, names, addresses, refused } = rendered
  const { yellow } = terminal.errColors
  const warn = (text: string): void => terminal.err(`${yellow('tiercel:')} ${text}\n`)
  const found = [
    `${counted(learner.connections, 'connection')} of ${counted(learner.workloads.length, 'workload')}: ${counted(rules, 'rule')}`,
    counted(names, 'name'),
    `${counted(addresses, 'address', 'addresses')} without one`,
  ]
  terminal.err(`${found.join(', ')}\n`)
  if (refused.length > 0) warn(`left out, as no rule can spell its name: ${refused.map(printable).join(', ')}`)
  if (learner.leftOut > 0) warn(`${learner.leftOut} connections of more workloads than are kept were left out`)
}

/** A capture can be judged by what was learnt from it: nothing of what was learnt may alert, and the rest shows what the rules do. */
async function judgeOwn(session: Session, text: string, untilMs: number): Promise<void> {
  const { terminal, config } = session
  const { rules, fields } = loadRules([{ path: 'learned.yaml', text }], config)
  const counter = new AlertCounter(rules.plan!, fields, config.domains, untilMs)
  await judge(session, counter)
  const { before, since } = counter
  if (before > 0) {
    const warning =
      session.process === undefined
        ? `${before} of the learned connections alert nevertheless: their names had changed when they were checked again`
        : `${counted(before, 'connection')} of the same programs elsewhere would have alerted: the rules are about programs, not processes`
    terminal.err(`${terminal.errColors.yellow('tiercel:')} ${warning}\n`)
  }
  if (untilMs === Number.POSITIVE_INFINITY) return
  terminal.err(
    since === 0 ? 'the rest of it would not have alerted\n' : `the rest of it would have alerted ${times(since)}:\n`,
  )
  terminal.err(renderAlertGroups(counter.groups))
}

async function showSince(session: Session, ruleSet: RuleSet): Promise<number> {
  const { terminal, config, condition } = session
  if (condition !== '' || session.process !== undefined)
    throw new UsageError('`--since` takes no condition, process or container', 'the rules say what they are about')
  const counter = new AlertCounter(ruleSet.plan, ruleSet.fields, config.domains, Number.NEGATIVE_INFINITY)
  const failed = await judge(session, counter, ruleSet)
  const { since } = counter
  terminal.err(since === 0 ? 'nothing would have alerted\n' : `would have alerted ${times(since)}:\n`)
  terminal.out(renderAlertGroups(counter.groups))
  if (counter.ungrouped > 0) terminal.err(`and ${times(counter.ungrouped)} more, for other names and addresses\n`)
  return failed ? 1 : 0
}

async function judge(session: Session, counter: AlertCounter, ruleSet?: RuleSet): Promise<boolean> {
  const { bindings, seconds, terminal } = session
  if (bindings !== undefined) {
    const { loadBindingsFile } = await import('../domains/bindings-file.ts')
    await loadBindingsFile(bindings, counter.names)
  }
  if (ruleSet !== undefined) await openLists(ruleSet, counter.names, session.config, terminal)
  const wanted = wantedEvents(ruleSet?.plan.rules ?? [])
  const progress = openProgressLine(terminal, 'judging')
  try {
    const failed = await readSession(session, wanted, counter.sink, elapsedMs => {
      progress.update(
        elapsedMs,
        seconds === undefined ? Number.POSITIVE_INFINITY : seconds * 1000,
        `${counter.since} alerts`,
      )
    })
    counter.finish()
    return failed
  } finally {
    progress.clear()
  }
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`
}

export const learnCommand: Command = {
  name: 'learn',
  summary: 'write an allow-list of the names that each workload uses, and its rule',
  usage: "['CONDITION'] [CAPTURE…] [--for TIME] > RULES",
  operands: { min: 0, max: Number.MAX_SAFE_INTEGER, name: 'operand' },
  options,
  doc: [
    'Watches connections, live or in captures, and writes a rule file to standard output, with an entry for each workload: a container image, else a container, else a program on the host. An entry lists the names that were connected to, and the addresses without a known name, each with count, time, ports, processes and evidence; its rule alerts on everything else. Load it with `-r` after review.',
    'A name counts only if it is beyond doubt: not if only the client, or an untrusted DNS server, claims it. Five or more names that differ only in a number of their first label become `*.example.com`, and only below a registered domain.',
    'Connections to this machine itself and to DNS servers over UDP do not count. Live it needs the privileges of `tiercel run` and runs for TIME, or until Ctrl-C.',
  ],
  examples: [
    { command: 'sudo tiercel learn --for 10m > learned.yaml', doc: 'what this machine connects to' },
    { command: 'sudo tiercel learn --container 3ad7b26ded6d --for 1h > web.yaml', doc: 'one container' },
    {
      command: 'tiercel learn capture.scap --for 10m > learned.yaml',
      doc: 'its first ten minutes, and what the rest would have alerted on',
    },
    { command: 'tiercel learn --since learned.yaml later.scap', doc: 'what would have alerted since' },
  ],
  exitCodes: [
    'the rules were written, or the alerts shown',
    'there was nothing to learn, events are not available, or a capture is damaged',
  ],
  run: async (args, terminal) => {
    const since = args.value('since')
    const duration = args.value('for')
    const { condition, files } = splitOperands(args.operands)
    const bindings = args.value('bindings')
    if (bindings !== undefined) requireReadableFile(bindings, 'bindings file')
    const config = loadSettings(args, terminal)
    const session: Session = {
      terminal,
      config,
      files,
      condition: scopeCondition(condition, args, terminal),
      process: processOption(args),
      seconds: duration === undefined ? undefined : parseDuration(duration),
      bindings,
    }
    if (since === undefined) return learn(session, args)
    for (const name of ['as', 'no-patterns']) {
      if (args.has(name)) throw new UsageError(`\`--${name}\` is for learning, and \`--since\` learns nothing`)
    }
    if (files.length > 0 && duration !== undefined)
      throw new UsageError('`--since` judges captures to their end; `--for` is for live events')
    requireReadableFile(since, 'rule file')
    return showSince(session, loadRuleSet(args, config, terminal, [since]))
  },
}
