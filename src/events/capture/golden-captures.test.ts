// What Falco 0.44 printed for the shared captures, against what the reader delivers: numbers, times, types and parameters.
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { hasParam, paramInteger, paramNumber, paramText } from '../decode-record.ts'
import { syscallName } from '../event-lookup.ts'
import type { EventRecord } from '../event-record.ts'
import { eventSink } from '../testing.ts'
import { readCapture } from './read-capture.ts'

const captures: URL = new URL('../../../../shared/data/captures/', import.meta.url)
const skip: string | false = existsSync(captures) ? false : 'the shared captures are not here'

interface Golden {
  readonly num: number
  readonly time: string
  readonly type: string
  readonly args: string | undefined
}

function readGolden(name: string): Golden[] {
  const text = gunzipSync(readFileSync(new URL(`golden/${name}.fields.jsonl.gz`, captures))).toString('utf8')
  return text
    .split('\n')
    .filter(line => line !== '')
    .map(line => {
      const fields = JSON.parse(line).output_fields
      // Times do not fit a double: taken from the text.
      const time = /"evt\.time(?:\.iso8601)?":(\d+)/.exec(line)?.[1] ?? ''
      return { num: fields['evt.num'], time, type: fields['evt.type'], args: fields['evt.args'] }
    })
}

/** A parameter's value in Falco's `evt.args` begins like this; undefined where it depends on state. */
function expectedStart(rec: EventRecord, i: number): string | undefined {
  const param = rec.info.params[i]
  if (param === undefined) return undefined
  if (i >= rec.paramCount) return undefined
  if (!hasParam(rec, i)) return ['BYTEBUF', 'SOCKTUPLE'].includes(param.type) ? 'NULL' : '<NA>'
  const number = paramInteger(rec, i)
  if (number !== undefined) {
    if (param.format === 'HEX' && param.flags === undefined) return number.toString(16).toUpperCase()
    if (param.format === 'OCT') return number === 0 ? '0' : `0${number.toString(8)}`
    const isNobody = (param.type === 'UID' || param.type === 'GID') && number === 0xffffffff
    return isNobody ? '-1' : String(number)
  }
  if (param.type === 'FSPATH' || param.type === 'FSRELPATH' || param.type === 'CHARBUF') return paramText(rec, i)
  return undefined
}

const cases = [
  { name: 'net', isOld: false },
  { name: 'sec', isOld: false },
  { name: 'mixed', isOld: false },
  { name: 'ctr', isOld: false },
  { name: 'curl_google', isOld: true },
  { name: 'single_ipv6_conn', isOld: true },
  { name: 'test_ipv6_client', isOld: true },
] as const

for (const c of cases) {
  test(`${c.name}: events have the numbers, times, names and arguments that Falco printed`, { skip }, async () => {
    const golden = new Map(readGolden(c.name).map(line => [line.num, line]))
    assert.ok(golden.size > 5)
    let seen = 0
    let checked = 0
    const sink = eventSink(rec => {
      const line = golden.get(rec.num)
      if (line === undefined) return
      seen++
      assert.equal(String(rec.tsNs), line.time === '' ? String(rec.tsNs) : line.time)
      assert.equal(rec.type === 1 ? syscallName(paramNumber(rec, 0) ?? 0) : rec.info.name, line.type)
      assert.ok(!rec.info.isOld)
      // Falco prints no arguments for generic events.
      if (line.args === undefined || rec.type === 1) return
      for (const [i, param] of rec.info.params.entries()) {
        const start = expectedStart(rec, i)
        if (start === undefined) continue
        checked++
        const found = ` ${line.args}`.includes(` ${param.name}=${start}`)
        assert.ok(found, `event ${rec.num}: ${param.name}=${JSON.stringify(start)} in ${line.args}`)
      }
    })
    const summary = await readCapture(new URL(`${c.name}.scap`, captures).pathname, sink)
    assert.equal(summary.error, undefined)
    assert.equal(seen, golden.size)
    assert.equal(summary.oldEvents > 0, c.isOld)
    assert.ok(checked > 10, `only ${checked} arguments compared`)
  })
}
