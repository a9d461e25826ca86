/**
 * How an alert should cross from the worker to the main thread: as the line that is written in the end, or as a structure that is rendered
 * over there. Each way through a MessageChannel, in batches of 64, sender and receiver on one thread, so that both ends are counted.
 *
 *   node bench/alert-transfer.bench.ts
 */
import { cpus } from 'node:os'
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads'
import type { Alert } from '../src/engine/alert.ts'
import { AlertRenderer, defaultAlertFormat } from '../src/outputs/format-alert.ts'
import type { PlannedRule } from '../src/rules/plan.ts'
import { median } from './median.ts'

const BATCH = 64
const ROUNDS = 9
const BATCHES = 150

const rule = {
  index: 3,
  name: 'Read sensitive file untrusted',
  priority: 4,
  source: 'syscall',
  tags: ['T1555', 'container', 'filesystem', 'host'],
} as unknown as PlannedRule

function makeAlert(fieldCount: number, i: number): Alert {
  const fields = Array.from({ length: fieldCount }, (_, k): readonly [string, string | number] =>
    k % 4 === 0 ? [`proc.number${k}`, i * 31 + k] : [`proc.field${k}`, `value ${i} of field ${k}`],
  )
  const text = `Sensitive file opened | ${fields.map(([key, value]) => `${key}=${value}`).join(' ')}`
  return { rule, source: 'syscall', eventNum: i, tsNs: 1_700_000_000_000_000_000n + BigInt(i), text, fields }
}

const { port1, port2 } = new MessageChannel()
const send = (value: unknown): unknown => {
  port1.postMessage(value)
  return receiveMessageOnPort(port2)?.message
}

const renderer = new AlertRenderer({ ...defaultAlertFormat, json: true, hostname: 'host' })

function asLines(alerts: readonly Alert[]): number {
  const lines = alerts.map(alert => renderer.render(alert))
  const got = send({
    kind: 'alerts',
    rules: alerts.map(a => a.rule.index),
    lines,
    sizes: lines.map(l => Buffer.byteLength(l)),
  })
  return (got as { lines: string[] }).lines.length
}

function asStructures(alerts: readonly Alert[]): number {
  const plain = alerts.map(({ tsNs, eventNum, text, fields }) => ({ rule: rule.index, tsNs, eventNum, text, fields }))
  const got = send({ kind: 'alerts', alerts: plain }) as { alerts: Omit<Alert, 'rule' | 'source'>[] }
  return got.alerts.map(alert => renderer.render({ ...alert, rule, source: 'syscall' })).length
}

function measure(way: (alerts: readonly Alert[]) => number, alerts: readonly Alert[]): number {
  const start = process.cpuUsage()
  let done = 0
  for (let i = 0; i < BATCHES; i++) done += way(alerts)
  const { user, system } = process.cpuUsage(start)
  return ((user + system) * 1000) / done
}

console.log(
  `${cpus()[0]?.model ?? 'unknown CPU'}, Node ${process.version}; ns of CPU an alert, both threads together\n`,
)
console.log('fields    as lines   as structures')
for (const count of [5, 15, 40]) {
  const alerts = Array.from({ length: BATCH }, (_, i) => makeAlert(count, i))
  const lines: number[] = []
  const structures: number[] = []
  for (let i = 0; i < ROUNDS; i++) {
    lines.push(measure(asLines, alerts))
    structures.push(measure(asStructures, alerts))
  }
  console.log(
    `${String(count).padStart(6)}  ${median(lines).toFixed(0).padStart(10)}  ${median(structures).toFixed(0).padStart(14)}`,
  )
}
port1.close()
