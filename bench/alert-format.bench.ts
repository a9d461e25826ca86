/**
 * What does the line of an alert with 40 fields cost? Falco takes about 64 µs to fetch the fields and print them; this is the printing.
 * Run: node bench/alert-format.bench.ts
 */
import { cpus } from 'node:os'
import type { Alert } from '../src/engine/alert.ts'
import { AlertRenderer, defaultAlertFormat } from '../src/outputs/format-alert.ts'
import { makeAlert } from '../src/outputs/testdata/make-alert.ts'

const ROUNDS = 9
const ALERTS = 20_000

function field(i: number): readonly [string, string | number | boolean | null] {
  const key = `proc.field${(i * 7) % 40}`
  if (i % 4 === 0) return [key, 1_000_000 + i]
  if (i % 4 === 1) return [key, i % 8 === 1 ? null : true]
  return [key, i % 12 === 2 ? `/usr/bin/python3 -c "print(${i})"` : `/srv/lab/home/file-${i}.txt`]
}

const fields = Array.from({ length: 40 }, (_, i) => field(i))
const text = fields.map(([key, value]) => `${key}=${value}`).join(' ')
const shape: Alert = makeAlert({ text, fields, name: 'A rule with forty fields', tags: ['host', 'network'] })

const cases = [
  { name: 'text line', format: defaultAlertFormat },
  { name: 'JSON line', format: { ...defaultAlertFormat, json: true, hostname: 'host' } },
  {
    name: 'JSON line with message',
    format: { ...defaultAlertFormat, json: true, jsonIncludeMessage: true, hostname: 'host' },
  },
]

console.log(`${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${cpus().length} cores, Node ${process.version}`)
for (const { name, format } of cases) {
  const renderer = new AlertRenderer(format)
  const perAlert: number[] = []
  let bytes = 0
  for (let round = 0; round < ROUNDS; round++) {
    const start = process.hrtime.bigint()
    for (let i = 0; i < ALERTS; i++) {
      // As text and as bytes: the strings of JavaScript are put together only when somebody reads them.
      bytes += Buffer.byteLength(renderer.render({ ...shape, tsNs: 1_795_287_908_000_000_000n + BigInt(i) * 100_003n }))
    }
    perAlert.push(Number(process.hrtime.bigint() - start) / ALERTS / 1000)
  }
  perAlert.sort((a, b) => a - b)
  const micros = (n: number): string => `${n.toFixed(2)} µs`
  console.log(
    `${name.padEnd(24)} median ${micros(perAlert[ROUNDS >> 1]!)} (${micros(perAlert[0]!)} to ${micros(perAlert.at(-1)!)}), ${Math.round(bytes / ROUNDS / ALERTS)} bytes`,
  )
}
