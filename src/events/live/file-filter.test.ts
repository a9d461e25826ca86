import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { liveSkipReason, watch } from './testing.ts'
import type { WantedCalls } from './wanted-calls.ts'

const script = fileURLToPath(new URL('testdata/open-paths.py', import.meta.url))
const wanted: WantedCalls = new Map(['open', 'openat', 'close'].map(name => [name, 'needed']))
const READ_PIECE = 'adow'
const WRITE_PIECE = '.aut'
const LIMIT = 255

/** Whether rules see the path in other words, or it is too long to be looked at. */
function isOdd(path: Buffer): boolean {
  const text = path.toString('latin1')
  return text.length >= LIMIT || /[^ -~]|\/\/|\.\.|\/\.(\/|$)/.test(text)
}

/** Paths of no file: of pieces that are near what is looked for, in every place of a word. */
const paths = fc.sample(
  fc
    .array(
      fc.oneof(
        fc.constantFrom(
          READ_PIECE,
          WRITE_PIECE,
          'adov',
          '.aus',
          '/',
          '.',
          '/.',
          './',
          '/..',
          '//',
          '\x7f',
          '\x1f',
          '\x80',
          'é',
        ),
        fc.string({ minLength: 1, maxLength: 40, unit: fc.constantFrom(...'abdow.tu/ ~-') }),
        fc.string({ minLength: 1, maxLength: 9, unit: fc.constantFrom(...'xyz') }),
      ),
      { minLength: 1, maxLength: 12 },
    )
    .map(parts => Buffer.from(`/none${parts.join('')}`, 'latin1')),
  { numRuns: 4_000, seed: 7 },
)
/** At each length up to what is looked at and beyond: nothing, and what is looked for as the very last. */
const lengths = Array.from({ length: LIMIT + 5 }, (_, i) => `/none${'x'.repeat(i)}`).flatMap(path => [
  Buffer.from(path),
  Buffer.from(`${path}${READ_PIECE}`),
  Buffer.from(`${path}/.`),
  Buffer.from(`${path}..`),
])

test('opens are left out by their paths, whatever bytes and pieces stand where', {
  skip: liveSkipReason(),
}, async () => {
  const all = [...paths, ...lengths]
  const told = new Set<string>()
  let marker = ''
  let pid: number | undefined
  const events = await watch({ wanted }, async source => {
    source.setWanted(wanted, { reads: new Set([READ_PIECE]), writes: new Set([WRITE_PIECE]), programs: new Set() })
    const child = spawn('/usr/bin/python3', ['-S', script], { stdio: ['pipe', 'inherit', 'inherit'] })
    pid = child.pid
    child.stdin.end(all.map(path => `${path.toString('hex')}\n`).join(''))
    assert.equal(await new Promise(resolve => child.on('close', resolve)), 0)
  })
  for (const { name, tid, args } of events) {
    if (tid !== pid || (name !== 'openat' && name !== 'open')) continue
    const path = String(args['name'])
    if (path.startsWith('#')) marker = path
    else told.add(marker)
  }
  let leftOut = 0
  for (const [i, path] of all.entries()) {
    for (const [flags, piece] of [READ_PIECE, WRITE_PIECE].entries()) {
      const isTold = told.has(`#${i} ${flags}`)
      const isWanted = isOdd(path) || path.includes(piece)
      assert.equal(
        isTold,
        isWanted,
        `${JSON.stringify(path.toString('latin1'))} for ${flags === 0 ? 'reading' : 'writing'}`,
      )
      if (!isTold) leftOut++
    }
  }
  assert.ok(leftOut > all.length / 2, `${leftOut} of ${all.length * 2} opens were left out`)
})
