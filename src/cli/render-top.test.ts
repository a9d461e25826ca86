import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import picocolors from 'picocolors'
import type { TrafficRow } from '../agent/traffic-table.ts'
import { arrangeRows, firstView, pressKey, renderBytes, renderStatus, renderTable, type TopView } from './render-top.ts'

const plain = picocolors.createColors(false)

const LOOPBACK_V6 = `${'\0'.repeat(15)}\x01`

const row = (more: Partial<TrafficRow>): TrafficRow => ({
  pid: 1,
  process: 'curl',
  containerId: '',
  direction: 'out',
  ip: 0x0a000001,
  port: 443,
  protocol: 'tcp',
  name: '',
  connections: 1,
  bytesOut: 0,
  bytesIn: 0,
  lastTsNs: 0n,
  ...more,
})

test('bytes are short', () => {
  const cases: readonly (readonly [number, string])[] = [
    [0, '0'],
    [999, '999'],
    [1000, '1.0 k'],
    [9949, '9.9 k'],
    [9950, '10 k'],
    [999_499, '999 k'],
    [999_500, '1.0 M'],
    [2_500_000_000, '2.5 G'],
    [7e15, '7.0 P'],
  ]
  for (const [bytes, want] of cases) assert.equal(renderBytes(bytes), want)
})

test('the table: names, addresses, both directions', () => {
  const rows = [
    row({ pid: 7, name: 'shop.example', bytesOut: 1200, bytesIn: 34 }),
    row({ pid: 8, process: 'nginx', direction: 'in', port: 80, ip: LOOPBACK_V6, connections: 3 }),
  ]
  assert.deepEqual(renderTable(rows, firstView, 200, plain), [
    'PID  PROCESS  REMOTE              PROTO  CONNS   SENT  RECEIVED',
    '  7  curl     → shop.example:443  tcp        1  1.2 k        34',
    '  8  nginx    ← [::1] (:80)       tcp        3      0         0',
  ])
  const addresses: TopView = { ...firstView, showsAddresses: true }
  assert.match(renderTable(rows, addresses, 200, plain)[1]!, /→ 10\.0\.0\.1:443/)
})

test('what does not fit: of a name its end stays, of an address its beginning, and always the port', () => {
  const name = 'a-long-name-of-a-host.in-a-zone.of-a-provider.example'
  const rows = [row({ name }), row({ name, direction: 'in' }), row({ ip: `\x20\x01\x0d\xb8${'\x11'.repeat(12)}` })]
  const [head, ...lines] = renderTable(rows, firstView, 72, plain)
  assert.equal(head, 'PID  PROCESS  REMOTE                        PROTO  CONNS  SENT  RECEIVED')
  assert.deepEqual(lines, [
    '  1  curl     → …of-a-provider.example:443  tcp        1     0         0',
    '  1  curl     ← …a-provider.example (:443)  tcp        1     0         0',
    '  1  curl     → [2001:db8:1111:1111:1…:443  tcp        1     0         0',
  ])
  for (const columns of [80, 120]) {
    for (const line of renderTable(rows, firstView, columns, plain)) assert.ok(line.length <= columns)
  }
})

test('a name that can be read comes before other columns', () => {
  const name = 'registry.shop.example.com'
  const heads = (columns: number, containerId = ''): string => {
    const [head, line] = renderTable([row({ name, containerId })], firstView, columns, plain)
    if (columns >= 42) assert.ok(line!.includes('stry.shop.example.com:443'), line)
    return head!.replace(/ +/g, ' ').trim()
  }
  assert.equal(heads(80), 'PID PROCESS REMOTE PROTO CONNS SENT RECEIVED')
  assert.equal(heads(80, '0123456789ab'), 'PID PROCESS CONTAINER REMOTE CONNS SENT RECEIVED')
  assert.equal(heads(60), 'PID PROCESS REMOTE CONNS SENT')
  assert.equal(heads(42), 'PID PROCESS REMOTE')
})

test('a container has a column when there is one', () => {
  const [head, line] = renderTable([row({ containerId: '0123456789ab' })], firstView, 200, plain)
  assert.match(head!, /CONTAINER/)
  assert.match(line!, /0123456789ab/)
})

test('sorted by each key, reversed, filtered', () => {
  const rows = [
    row({ pid: 1, process: 'b', bytesIn: 5, connections: 9, name: 'z.example', lastTsNs: 1n }),
    row({ pid: 2, process: 'a', bytesIn: 7, connections: 2, name: 'y.example', lastTsNs: 3n }),
    row({ pid: 3, process: 'c', bytesIn: 6, connections: 5, name: 'x.example', lastTsNs: 2n }),
  ]
  const pids = (view: Partial<TopView>): readonly number[] =>
    arrangeRows(rows, { ...firstView, ...view }).map(r => r.pid)
  assert.deepEqual(pids({ sort: 'bytes' }), [2, 3, 1])
  assert.deepEqual(pids({ sort: 'connections' }), [1, 3, 2])
  assert.deepEqual(pids({ sort: 'recent' }), [2, 3, 1])
  assert.deepEqual(pids({ sort: 'process' }), [2, 1, 3])
  assert.deepEqual(pids({ sort: 'remote' }), [3, 2, 1])
  assert.deepEqual(pids({ sort: 'remote', isReversed: true }), [1, 2, 3])
  assert.deepEqual(pids({ filter: 'Y.EX' }), [2])
})

test('keys: what they do, and that others do nothing', () => {
  assert.equal(pressKey('s', firstView)?.sort, 'connections')
  assert.equal(pressKey('4', firstView)?.sort, 'process')
  assert.equal(pressKey('r', firstView)?.isReversed, true)
  assert.equal(pressKey('n', firstView)?.showsAddresses, true)
  for (const key of ['x', '9', '0', '\u001b', ' ']) assert.equal(pressKey(key, firstView), undefined)
})

test('no line is longer than the screen, and no name can move the cursor', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), fc.integer({ min: 1, max: 300 }), (process, name, columns) => {
      const lines = renderTable([row({ process, name })], firstView, columns, plain)
      for (const line of lines) {
        assert.ok(line.length <= columns)
        assert.doesNotMatch(line, /[\0-\x1f]/)
      }
    }),
    { numRuns: 200 },
  )
})

const still = { typed: undefined, isPaused: false, evicted: 0 }
const statuses: readonly {
  readonly name: string
  readonly view?: Partial<TopView>
  readonly state?: Partial<typeof still> | { readonly typed: string }
  readonly columns: number
  readonly want: string
}[] = [
  {
    name: 'keys and what they do',
    columns: 80,
    want: 's sort: bytes   / filter   n names   c clear   p pause   q quit',
  },
  {
    name: 'paused, reversed, filtered, with rows left out',
    view: { isReversed: true, filter: 'nginx' },
    state: { isPaused: true, evicted: 3 },
    columns: 120,
    want: 's sort: bytes (r)   / filter: nginx   n names   c clear   p go on   q quit   3 rows left out',
  },
  { name: 'short where it must be', view: { filter: 'x' }, columns: 40, want: 'q quit  p c n  s bytes  /x' },
  { name: 'how to leave is told first', columns: 6, want: 'q quit' },
  { name: 'typing', state: { typed: 'ng' }, columns: 80, want: 'filter: ng_   (Enter: use it, Esc: leave it)' },
  { name: 'typing more than fits: its end', state: { typed: 'abcdefgh' }, columns: 14, want: 'filter: defgh_' },
]
for (const { name, view, state, columns, want } of statuses) {
  test(`the line below the table: ${name}`, () =>
    assert.equal(renderStatus({ ...firstView, ...view }, { ...still, ...state }, columns), want))
}
