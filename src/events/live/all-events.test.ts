import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createRecord, integerLayout } from '../decode-record.ts'
import { nativeSyscalls } from '../event-lookup.ts'
import { eventTable } from '../event-table.ts'
import { openLive } from './open-live.ts'
import { liveSkipReason } from './testing.ts'
import { syscallNumber, wantAll } from './wanted-calls.ts'

/** Arguments for calls that must not be made with -1 throughout: they would wait, or end the program. */
const ARGUMENTS: Readonly<Record<string, readonly number[]>> = {
  kill: [0x3fff_ffff, 0],
  tkill: [0x3fff_ffff, 0],
  tgkill: [0x3fff_ffff, 0x3fff_ffff, 0],
  poll: [0, 0, 0],
  ppoll: [0, 0, -1],
  close: [1000],
  close_range: [1000, 1001, 0],
}

/** Told by other tests: they do not return to the program as other calls do. */
const TOLD_ELSEWHERE: ReadonlySet<string> = new Set(['fork', 'vfork', 'procexit'])

/** Of calls that only 32-bit programs have; its name without a number is that of umount2. */
const ABSENT: ReadonlySet<string> = new Set(['umount'])

/** Events of the probe that a system call of this machine has. */
function callsWithEvents(): readonly { readonly name: string; readonly number: number }[] {
  const header = readFileSync(new URL('../../../native/bpf/event-codes.h', import.meta.url), 'utf8')
  return [...header.matchAll(/^ {2}EV_(\w+) = \d+,?$/gm)].flatMap(([, code = '']) => {
    const name = code.toLowerCase()
    const number = syscallNumber(name)
    return number === undefined || name === 'syscall' || TOLD_ELSEWHERE.has(name) || ABSENT.has(name)
      ? []
      : [{ name, number }]
  })
}

test('each event of the probe is told with all its parameters, however wrong the arguments are', {
  skip: liveSkipReason(),
}, async () => {
  const calls = callsWithEvents()
  assert.ok(calls.length > 150, `${calls.length} calls`)
  const source = openLive({
    wanted: wantAll(calls.map(call => call.name)),
    startNow: true,
    ringBytes: 64 * 1024 * 1024,
  })
  const faults: string[] = []
  const told = new Map<string, number>()
  try {
    const script = fileURLToPath(new URL('testdata/raw-calls.py', import.meta.url))
    const list = calls.map(({ name, number }) => [number, ...(ARGUMENTS[name] ?? [])])
    const running = promisify(execFile)('/usr/bin/python3', ['-S', script, JSON.stringify(list)])
    await running
    const { pid } = running.child
    const record = createRecord()
    while (
      source.drain(record, rec => {
        if (rec.tid !== pid) return true
        const { name, params } = rec.info
        told.set(name, (told.get(name) ?? 0) + 1)
        if (rec.paramCount !== params.length)
          faults.push(`${name} has ${rec.paramCount} parameters, not ${params.length}`)
        for (const [i, param] of params.entries()) {
          const bytes = integerLayout(param.type)?.bytes
          if (bytes !== undefined && rec.paramLen[i] !== bytes)
            faults.push(`${name}.${param.name} has ${rec.paramLen[i]} bytes, not ${bytes}`)
        }
        return true
      }) > 0
    );
    assert.equal(source.counters().lostRingFull, 0)
  } finally {
    await source.close()
  }
  assert.deepEqual([...new Set(faults)], [])
  const never = calls.filter(call => !told.has(call.name)).map(call => call.name)
  assert.deepEqual(never, [])
})

test('every event that Falco has for a system call of this machine is one of the probe', () => {
  const own = new Set([...callsWithEvents().map(call => call.name), ...TOLD_ELSEWHERE])
  const calls = new Set(nativeSyscalls(process.arch).filter(name => name !== null))
  const missing = eventTable
    .filter(info => info.isExit && !info.isOld && !info.flags.has('unused') && calls.has(info.name))
    .map(info => info.name)
    .filter(name => !own.has(name) && name !== 'syscall')
  assert.deepEqual([...new Set(missing)], [])
})
