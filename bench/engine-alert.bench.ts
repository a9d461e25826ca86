/**
 * What does an alert with 40 fields cost from the matching event to the JSON line? Falco: about 64 µs.
 * Run: node bench/engine-alert.bench.ts
 */
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { compileOutput, makeAlert } from '../src/engine/format-output.ts'
import { readCapture } from '../src/events/capture/read-capture.ts'
import { fieldByName, fieldLookup } from '../src/fields/catalogue.ts'
import { jsonValue, renderValue } from '../src/fields/render-value.ts'
import { AlertRenderer, defaultAlertFormat } from '../src/outputs/format-alert.ts'
import { parseOutputFormat } from '../src/rules/parse-output.ts'
import { HostState, stateSink } from '../src/state/host-state.ts'
import { planOf } from './match-cost.ts'

const ROUNDS = 7
/** Each event is formatted so often in a row, so that the clock is read seldom. */
const REPEATS = 3

const FIELDS = [
  'evt.num evt.time evt.type evt.res evt.rawres evt.arg.flags fd.name fd.num fd.type fd.typechar fd.directory fd.sip fd.cip fd.sport fd.cport fd.l4proto',
  'proc.name proc.pid proc.vpid proc.ppid proc.pname proc.cmdline proc.pcmdline proc.exe proc.exepath proc.cwd proc.tty proc.aname[2] proc.aname[3]',
  'proc.sname proc.sid user.uid user.name user.loginuid group.gid group.name container.id container.name container.image.repository thread.tid',
]
  .join(' ')
  .split(' ')

const output = FIELDS.map(name => `${name.replaceAll('.', '_')}=%${name}`).join(' ')
const parsed = parseOutputFormat(output, { fields: fieldLookup })
if (!parsed.ok) throw new Error(parsed.error.message)
const format = compileOutput(parsed.format, { fields: fieldByName, renderer: { renderValue, jsonValue } })
const text = "- {rule: r, desc: d, condition: 'evt.type in (openat, connect, execve)', output: o, priority: INFO}"
const [rule] = planOf({ name: 'one rule', files: [{ path: 'r.yaml', text }] }).rules
if (rule === undefined) throw new Error('the rule did not compile')
const renderer = new AlertRenderer({ ...defaultAlertFormat, json: true, hostname: 'host' })

console.log(`${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${cpus().length} cores, Node ${process.version}`)
for (const name of ['container', 'network']) {
  const capture = fileURLToPath(new URL(`../samples/${name}.scap`, import.meta.url))
  const perAlert: number[] = []
  let alerts = 0
  let bytes = 0
  for (let round = 0; round <= ROUNDS; round++) {
    let spent = 0n
    alerts = 0
    bytes = 0
    await readCapture(
      capture,
      stateSink(new HostState(), ctx => {
        if (!rule.eventCodes.has(ctx.rec.type) || ctx.rec.info.isOld) return true
        alerts++
        const start = process.hrtime.bigint()
        for (let i = 0; i < REPEATS; i++) bytes += Buffer.byteLength(renderer.render(makeAlert(rule, format, ctx)))
        spent += process.hrtime.bigint() - start
        return true
      }),
    )
    if (round > 0) perAlert.push(Number(spent) / alerts / REPEATS / 1000)
  }
  perAlert.sort((a, b) => a - b)
  const at = (i: number): string => `${(perAlert[i] ?? Number.NaN).toFixed(1)} µs`
  console.log(
    `${name.padEnd(10)} ${FIELDS.length} fields, ${alerts} alerts of ${Math.round(bytes / alerts / REPEATS)} bytes: median ${at(ROUNDS >> 1)} (${at(0)} to ${at(ROUNDS - 1)})`,
  )
}
