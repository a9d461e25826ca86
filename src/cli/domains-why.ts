/** `tiercel domains why`: an alert, and why the names in it were judged so, from what it tells itself or by looking back. */
import { createReadStream } from 'node:fs'
import { type EndLetter, RememberedProcesses, RuleEvidence } from '../agent/name-evidence.ts'
import { LinkedRules } from '../agent/linked-rules.ts'
import { RuleNames } from '../agent/rule-names.ts'
import type { Config } from '../agent/config.ts'
import { closestName } from '../diagnostics/closest-name.ts'
import { keepMoment, type NameMoment } from '../domains/binding.ts'
import { RefusedAnswers } from '../domains/refused-answers.ts'
import type { AddressEvidence, CheckProof, MissProof } from '../engine/alert.ts'
import { applyAppendOutput } from '../outputs/append-output.ts'
import type { PlannedRule } from '../rules/plan.ts'
import type { CurrentEvent } from '../state/current-event.ts'
import { printable } from '../values/socket-text.ts'
import type { Ip } from '../values/value.ts'
import { CommandError } from './command-error.ts'
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

/** The alerts that `subject` is: JSON itself, a file of lines, or `-`. */
async function readAlerts(subject: string): Promise<readonly ParsedAlert[]> {
  const isText = subject.trimStart().startsWith('{')
  if (!isText) requireReadableFile(subject, 'alert or file of alerts')
  const lines = (isText ? subject : await readText(subject)).split('\n').filter(line => line.trim() !== '')
  if (lines.length === 0) throw new CommandError(`there is no alert in \`${subject}\``)
  if (lines.length > MAX_ALERTS)
    throw new CommandError(`\`${subject}\` has more than ${MAX_ALERTS} alerts`, 'choose some, with `grep` or `jq`')
  return lines.map((line, i) => {
    const parsed = parseAlert(line)
    if (parsed.ok) return parsed.alert
    const where = isText ? 'the alert cannot be read' : `line ${i + 1} of \`${subject}\` is no alert`
    throw new CommandError(`${where}: ${parsed.message}`, parsed.help)
  })
}

async function readText(path: string): Promise<string> {
  const pieces: Buffer[] = []
  let size = 0
  for await (const piece of createReadStream(inputPath(path))) {
    size += (piece as Buffer).length
    if (size > MAX_INPUT_BYTES)
      throw new CommandError(`\`${path}\` is too large for alerts`, 'choose some, with `grep` or `jq`')
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
  subject: string,
  files: readonly string[],
  config: Config,
  args: Arguments,
  terminal: Terminal,
): Promise<number> {
  const alerts = await readAlerts(subject)
  const looksBack = files.length > 0 || args.has('bindings')
  let failed = false
  let found: readonly (Found | undefined)[] = alerts.map(({ names }) => names && { names })
  if (looksBack) {
    const look = await lookBack(alerts, files, config, args, terminal)
    found = look.found
    failed = look.failed
  }
  for (const [i, alert] of alerts.entries()) {
    const one = found[i]
    if (one === undefined) {
      throw new CommandError(
        `the alert of the rule \`${printable(alert.rule)}\` holds no evidence for its names`,
        'give a capture (`--capture`) or `--bindings`, or record the evidence in alerts: `domains.explain_alerts: true`',
      )
    }
    terminal.out(`${i === 0 ? '' : '\n'}${renderWhy(alert, one.names, one.note)}`)
  }
  return failed ? 1 : 0
}

/** The rules that alerts are of, bound to names that are yet to be learnt. */
interface Subject {
  readonly alert: ParsedAlert
  readonly rule: PlannedRule
  readonly evidence: RuleEvidence
}

async function lookBack(
  alerts: readonly ParsedAlert[],
  files: readonly string[],
  config: Config,
  args: Arguments,
  terminal: Terminal,
): Promise<{ readonly found: readonly Found[]; readonly failed: boolean }> {
  const ruleSet = loadRuleSet(args, config, terminal, args.values('rules'), true)
  const ruleOf = (alert: ParsedAlert): PlannedRule => findRule(alert, ruleSet)
  for (const alert of alerts) ruleOf(alert)
  const { observer, names, sink } = await openView(terminal, args.value('bindings'), {
    ...config.domains,
    keepsProcesses: true,
  })
  await openLists(ruleSet, names, config, terminal)
  const processes = new RememberedProcesses()
  const refused = files.length > 0 ? observer.refused : new RefusedAnswers()
  const sources = { index: names, processes, refused, listLimit: config.domains.listLimit }
  const watch = new RuleNames(names)
  const subjects = alerts.map((alert): Subject => {
    const rule = ruleOf(alert)
    const { output } = applyAppendOutput(rule, config.appendOutput, config.staticFields)
    const evidence = new RuleEvidence(rule.condition, output, watch, sources)
    if (evidence.isEmpty) {
      throw new CommandError(`the rule \`${rule.name}\` neither asks for a name of an address nor prints one`)
    }
    return { alert, rule, evidence }
  })
  if (files.length === 0) return { found: subjects.map(subject => fromFields(subject)), failed: false }

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

/** Without a capture the alert's own fields must tell the addresses and who connected. */
function fromFields({ alert, rule, evidence }: Subject): Found {
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
  const names = evidence.of({ rec: { view, start: 0 }, thread }, end => ips.get(end))
  return thread.pid > 0 ? { names } : { names, note: NO_PROCESS }
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
