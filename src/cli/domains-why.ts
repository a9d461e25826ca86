/**
 * `tiercel domains why`: an alert, and why the names in it were judged so, from what it tells itself or by looking back: at captures,
 * bindings, or what the agent saved.
 */
import { createReadStream } from 'node:fs'
import { type EndLetter, RememberedProcesses, RuleEvidence } from '../agent/name-evidence.ts'
import { LinkedRules } from '../agent/linked-rules.ts'
import { RuleNames } from '../agent/rule-names.ts'
import type { Config } from '../agent/config.ts'
import { closestName } from '../diagnostics/closest-name.ts'
import { keepMoment, type NameMoment } from '../domains/binding.ts'
import { renderSpan } from '../domains/explain-address.ts'
import { RefusedAnswers } from '../domains/refused-answers.ts'
import type { AddressEvidence, CheckProof, MissProof } from '../engine/alert.ts'
import { applyAppendOutput } from '../outputs/append-output.ts'
import type { PlannedRule } from '../rules/plan.ts'
import type { CurrentEvent } from '../state/current-event.ts'
import { counted } from '../values/counted.ts'
import { printable } from '../values/socket-text.ts'
import type { Ip } from '../values/value.ts'
import { type AgentNames, savedByAgent } from './agent-names.ts'
import { CommandError, UsageError } from './command-error.ts'
import { readEvents, stopSignal, openLists, openView } from './event-input.ts'
import { inputPath, requireReadableFile } from './input-file.ts'
import { loadRuleSet, type RuleSet } from './load-rule-set.ts'
import type { Arguments } from './parse-arguments.ts'
import { addressesOf, parseAlert, type ParsedAlert } from './parse-alert.ts'
import { renderWhy } from './render-why.ts'
import type { Terminal } from './terminal.ts'

/** An alert is a few kilobytes, its evidence at most 64. */
const MAX_INPUT_BYTES = 16 * 1024 * 1024
const MAX_ALERTS = 1000

/**
 * The alerts that `subject` is: JSON itself, a file of lines, or `-`; absent, the agent's own file of alerts. `line`: only the one of that
 * number, from the end where it is negative.
 */
async function readAlerts(
  subject: string | undefined,
  line: number | undefined,
  config: Config,
): Promise<readonly ParsedAlert[]> {
  const path = subject ?? alertFile(config)
  const isText = path.trimStart().startsWith('{')
  if (!isText) requireReadableFile(path, 'alert or file of alerts')
  const all = isText
    ? path.split('\n').map((text, i) => ({ text, number: i + 1 }))
    : line === undefined
      ? await readLines(path)
      : [await readLine(path, line)]
  const lines = all.filter(({ text }) => text.trim() !== '')
  if (lines.length === 0) throw new CommandError(`there is no alert in \`${path}\``)
  if (lines.length > MAX_ALERTS) {
    throw new CommandError(
      `\`${path}\` has more than ${MAX_ALERTS} alerts`,
      'choose one with `--line N` (`--line -1`: the last), or some with `grep` or `jq`',
    )
  }
  return lines.map(({ text, number }) => {
    const parsed = parseAlert(text)
    if (parsed.ok) return parsed.alert
    const where = isText ? 'the alert cannot be read' : `line ${number} of \`${path}\` is no alert`
    throw new CommandError(`${where}: ${parsed.message}`, parsed.help)
  })
}

/** Where the configured agent writes its alerts. */
function alertFile({ outputs }: Config): string {
  if (outputs.file !== undefined) return outputs.file.filename
  throw new UsageError(
    '`tiercel domains why` needs an alert',
    'as JSON, or a file of alerts, or `-`; or with `-c` a configuration that writes alerts to a file (`file_output`)',
  )
}

interface AlertLine {
  readonly text: string
  /** From 1. */
  readonly number: number
}

async function readLines(path: string): Promise<readonly AlertLine[]> {
  return (await readText(path)).split('\n').map((text, i) => ({ text, number: i + 1 }))
}

/** One line of a file of any size; a negative number counts from its end. */
async function readLine(path: string, wanted: number): Promise<AlertLine> {
  const { createInterface } = await import('node:readline')
  const lines = createInterface({ input: createReadStream(inputPath(path)), crlfDelay: Number.POSITIVE_INFINITY })
  const last: AlertLine[] = []
  let number = 0
  for await (const text of lines) {
    number++
    if (number === wanted) return { text, number }
    if (wanted > 0 || text.trim() === '') continue
    last.push({ text, number })
    if (last.length > -wanted) last.shift()
  }
  const [found] = last
  if (found !== undefined && last.length === -wanted) return found
  throw new CommandError(`\`${path}\` has no line ${wanted}`, `it has ${counted(number, 'line')}`)
}

async function readText(path: string): Promise<string> {
  const pieces: Buffer[] = []
  let size = 0
  for await (const piece of createReadStream(inputPath(path))) {
    size += (piece as Buffer).length
    if (size > MAX_INPUT_BYTES)
      throw new CommandError(
        `\`${path}\` is too large for alerts`,
        'choose one with `--line N`, or some with `grep` or `jq`',
      )
    pieces.push(piece as Buffer)
  }
  return Buffer.concat(pieces).toString('utf8')
}

/** What was found of one alert. */
interface Found {
  readonly names: readonly AddressEvidence[]
  /** What must be known to read it. */
  readonly note?: string
}

export async function why(
  subject: string | undefined,
  files: readonly string[],
  config: Config,
  args: Arguments,
  terminal: Terminal,
): Promise<number> {
  const alerts = await readAlerts(subject, lineNumber(args.value('line')), config)
  let failed = false
  let found = alerts.map(({ names }): Found | undefined => names && { names })
  const bindings = args.value('bindings')
  if (files.length > 0 || bindings !== undefined) {
    const look = await lookBack(alerts, { files, bindings, saved: undefined }, config, args, terminal)
    found = [...look.found]
    failed = look.failed
  } else if (found.includes(undefined)) {
    const silent = alerts.filter(({ names }) => names === undefined)
    const saved = savedFor(silent[0]!, config, terminal)
    const look = await lookBack(silent, { files, bindings: saved.path, saved }, config, args, terminal)
    const answers = look.found.values()
    found = found.map(one => one ?? answers.next().value)
  }
  for (const [i, alert] of alerts.entries()) {
    const one = found[i]!
    terminal.out(`${i === 0 ? '' : '\n'}${renderWhy(alert, one.names, one.note)}`)
  }
  return failed ? 1 : 0
}

function lineNumber(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const line = /^-?\d{1,9}$/.test(text) ? Number(text) : 0
  if (line === 0 || -line > MAX_ALERTS)
    throw new UsageError(`\`--line\` needs the number of a line, not \`${text}\``, '-1 is the last')
  return line
}

/** What the agent saved, for an alert that tells no evidence itself. */
function savedFor(alert: ParsedAlert, config: Config, terminal: Terminal): AgentNames {
  try {
    return savedByAgent(config.domains, terminal)
  } catch (error) {
    if (!(error instanceof CommandError)) throw error
    throw new CommandError(
      `the alert of the rule \`${printable(alert.rule)}\` holds no evidence for its names, and ${error.message}`,
      'give a capture of that time (`--capture`) or `--bindings`, or have alerts hold the evidence: `domains.explain_alerts: true`',
    )
  }
}

/** Where to look back: at captures, else at bindings, which the agent may have saved. */
interface Past {
  readonly files: readonly string[]
  readonly bindings: string | undefined
  readonly saved: AgentNames | undefined
}

/** The rules that alerts are of, bound to names that are yet to be learnt. */
interface Subject {
  readonly alert: ParsedAlert
  readonly rule: PlannedRule
  readonly evidence: RuleEvidence
}

async function lookBack(
  alerts: readonly ParsedAlert[],
  { files, bindings, saved }: Past,
  config: Config,
  args: Arguments,
  terminal: Terminal,
): Promise<{ readonly found: readonly Found[]; readonly failed: boolean }> {
  const ruleSet = loadRuleSet(args, config, terminal, args.values('rules'), true)
  const ruleOf = (alert: ParsedAlert): PlannedRule => findRule(alert, ruleSet)
  for (const alert of alerts) ruleOf(alert)
  const { observer, names, sink } = await openView(terminal, bindings, {
    ...config.domains,
    keepsProcesses: true,
  })
  await openLists(ruleSet, names, config, terminal)
  const processes = new RememberedProcesses()
  for (const [pid, name] of saved?.processes ?? []) processes.set(pid, name)
  const refused = files.length > 0 ? observer.refused : new RefusedAnswers()
  const sources = { index: names, processes, refused, listLimit: config.domains.listLimit }
  const watch = new RuleNames(names)
  const subjects = alerts.map((alert): Subject => {
    const rule = ruleOf(alert)
    const { output } = applyAppendOutput(rule, config.appendOutput, config.staticFields)
    const evidence = new RuleEvidence(rule.condition, output, watch, sources)
    if (evidence.isEmpty) {
      throw new CommandError(
        `the rule \`${rule.name}\` neither asks for a name of an address nor prints one`,
        '`tiercel domains explain ADDRESS` shows what is known of an address',
      )
    }
    return { alert, rule, evidence }
  })
  if (files.length === 0)
    return { found: subjects.map(subject => fromFields(subject, processes, saved?.savedMs)), failed: false }

  const matcher = new LinkedRules(
    {
      plan: { ...ruleSet.plan, rules: [...new Set(subjects.map(({ rule }) => rule))] },
      fields: ruleSet.fields,
      ruleMatching: 'all',
      minPriority: 7,
      appendOutput: [],
      staticFields: config.staticFields,
    },
    names,
  ).matcher
  const byTime = Map.groupBy(
    subjects.map((subject, i) => ({ ...subject, i })),
    ({ alert }) => alert.tsNs,
  )
  const seen: (
    | { readonly names: readonly AddressEvidence[]; readonly fires: boolean; later(): readonly AddressEvidence[] }
    | undefined
  )[] = []
  const span = { first: 0n, last: 0n }
  const onEvent = (current: CurrentEvent): boolean => {
    const { rec, thread } = current
    span.last = rec.tsNs
    if (span.first === 0n) span.first = rec.tsNs
    if (thread !== undefined && current.payload !== undefined)
      processes.set(thread.pid, printable((thread.main ?? thread).comm))
    for (const { rule, evidence, i } of byTime.get(rec.tsNs) ?? []) {
      if (seen[i]?.fires === true) continue
      const fires = matcher.match(current).includes(rule)
      const ips = new Map<EndLetter, Ip | undefined>()
      for (const end of evidence.ends)
        ips.set(end, ruleSet.fields.get(`fd.${end}ip`)!.bind(undefined)(current) as Ip | undefined)
      if (!fires && [...ips.values()].every(ip => ip === undefined)) continue
      const when = keepMoment(current)
      const ask = (moment: NameMoment): readonly AddressEvidence[] => evidence.of(moment, end => ips.get(end))
      seen[i] = { names: ask(current), fires, later: () => ask(when) }
    }
    return true
  }
  const { signal, release } = stopSignal(terminal, undefined)
  const wanted = { syscalls: new Set<string>(), tracepoints: new Set<string>(), observesNames: true }
  try {
    const failed = await readEvents({ files, wanted, snaplen: 0, signal }, sink(onEvent), terminal)
    const found = subjects.map(({ alert, rule }, i): Found => {
      const one = seen[i]
      if (one !== undefined) {
        const names = withLater(one.names, one.later())
        return one.fires ? { names } : { names, note: NO_MATCH }
      }
      const at = timeText(alert.tsNs)
      throw new CommandError(
        `the capture has no connection at ${at}, when the rule \`${rule.name}\` alerted`,
        span.first === 0n
          ? 'it has no events'
          : `its events are from ${timeText(span.first)} to ${timeText(span.last)}`,
      )
    })
    return { found, failed }
  } finally {
    release()
  }
}

function findRule({ rule: name }: ParsedAlert, { plan }: RuleSet): PlannedRule {
  const rule = plan.rules.find(one => one.name === name)
  if (rule !== undefined) return rule
  const near = closestName(
    name,
    plan.rules.map(one => one.name),
  )
  throw new CommandError(
    `no such rule: \`${printable(name)}\``,
    near === undefined ? '`-r` says which rule files' : `did you mean \`${near}\`? \`-r\` says which rule files`,
  )
}

const NO_MATCH = 'now the rule does not match there: it, or what is known of names, was another then'
const NO_PROCESS = 'the alert does not have the process id (`%proc.pid`): this is what all processes of the host saw'

/** What is not in what the agent saves. */
function savedNote(alertMs: number, savedMs: number): string {
  const apart = renderSpan(Math.abs(savedMs - alertMs))
  return savedMs < alertMs
    ? `the agent saved its names ${apart} before this alert: what it learnt since is missing until it saves them again`
    : `by what the agent saved ${apart} after this alert: names that had ended by then are missing, and those of hosts files`
}

/** Without a capture the alert's own fields must tell the addresses and who connected. */
function fromFields({ alert, rule, evidence }: Subject, processes: RememberedProcesses, savedMs?: number): Found {
  const ips = addressesOf(alert)
  if (!evidence.ends.some(end => ips.has(end))) {
    throw new CommandError(
      `the alert of the rule \`${rule.name}\` does not have the address`,
      `print it (\`%fd.${evidence.ends[0]}ip\`), or look back with \`--capture\``,
    )
  }
  const { fields, tsNs } = alert
  const pid = Number(fields.get('proc.pid') ?? 0)
  const container = String(fields.get('container.id') ?? '')
  const view = new DataView(new ArrayBuffer(8))
  view.setBigUint64(0, tsNs, true)
  const thread = { pid: Number.isInteger(pid) ? pid : 0, containerId: container === 'host' ? '' : container }
  const program = fields.get('proc.name')
  if (thread.pid > 0 && typeof program === 'string') processes.set(thread.pid, printable(program))
  const names = evidence.of({ rec: { view, start: 0 }, thread }, end => ips.get(end))
  const notes = [
    ...(savedMs === undefined ? [] : [savedNote(Number(tsNs) / 1e6, savedMs)]),
    ...(thread.pid > 0 ? [] : [NO_PROCESS]),
  ]
  return notes.length === 0 ? { names } : { names, note: notes.join('; ') }
}

/** What the rest of the capture tells of a name that was missing: that it came too late. */
function withLater(then: readonly AddressEvidence[], now: readonly AddressEvidence[]): readonly AddressEvidence[] {
  const later = (before: MissProof | undefined, after: MissProof | undefined): Pick<CheckProof, 'reason'> =>
    before !== undefined && after?.kind === 'later' && (before.kind === 'never' || before.kind === 'observe-only')
      ? { reason: after }
      : {}
  return then.map((end, i) => ({
    ...end,
    ...later(end.reason, now[i]?.reason),
    checks: end.checks.map((check, j) => ({ ...check, ...later(check.reason, now[i]?.checks[j]?.reason) })),
  }))
}

function timeText(tsNs: bigint): string {
  const fraction = String(tsNs % 1_000_000_000n).padStart(9, '0')
  return `${new Date(Number(tsNs / 1_000_000n)).toISOString().slice(0, 19).replace('T', ' ')}.${fraction}`
}
