import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises'
import { AlertOutputs, DROP_RULE } from './alert-outputs.ts'
import { defaultAlertFormat } from './format-alert.ts'
import { defaultQueueLimits, type OutputNews, type QueueLimits } from './output-queue.ts'
import { makeAlert } from './testdata/make-alert.ts'
import { ScriptedSink } from './testdata/scripted-sink.ts'

const format = { ...defaultAlertFormat, timeIso8601: true }
const TIME = '1970-01-01T00:00:00.000000007+0000'

function open(sinks: readonly ScriptedSink[], limits: Partial<QueueLimits> = {}) {
  const news: OutputNews[] = []
  const outputs = new AlertOutputs({
    format,
    sinks,
    limits: { ...defaultQueueLimits, ...limits },
    now: () => 7n,
    tell: one => news.push(one),
    dropReportMs: 30,
  })
  return { outputs, news }
}

const alert = (text: string) => makeAlert({ tsNs: 7n, text })
const lineOf = (text: string): string => `${TIME}: Warning ${text}`
const dropLine = (output: string, count: number, total: number): string =>
  `${TIME}: Warning ${DROP_RULE}. ${count} alerts lost: the queue of the output \`${output}\` was full. ` +
  `(n_drops="${count}" n_drops_total="${total}" output="${output}")`

test('every output gets every alert', async () => {
  const sinks = [new ScriptedSink([], { name: 'a' }), new ScriptedSink([], { name: 'b' })]
  const { outputs } = open(sinks)
  outputs.send(alert('1'))
  outputs.sendInternal({ rule: 'news', priority: 6, tsNs: 7n, text: 'x', fields: [['k', 1]] })
  outputs.send(alert('2'))
  await outputs.close(1000)
  const want = [lineOf('1'), `${TIME}: Informational x (k=1)`, lineOf('2')]
  assert.deepEqual(
    sinks.map(sink => sink.taken),
    [want, want],
  )
})

test('a blocked output holds up no other, and its losses are reported on all', async () => {
  const blocked = new ScriptedSink([{ kind: 'block' }], { name: 'slow', maxBatch: 1 })
  const free = new ScriptedSink([], { name: 'free' })
  const { outputs, news } = open([blocked, free], { capacity: 3 })
  for (const text of ['1', '2', '3', '4', '5']) outputs.send(alert(text))
  await turn()
  assert.deepEqual(
    free.taken,
    [lineOf('1'), lineOf('2'), lineOf('3')],
    'the free one had only one turn for five alerts',
  )
  await sleep(60)
  assert.deepEqual(free.taken.slice(3), [dropLine('slow', 2, 2), dropLine('free', 2, 2)])
  assert.deepEqual(news, [
    { kind: 'dropped', output: 'slow', count: 2 },
    { kind: 'dropped', output: 'free', count: 2 },
  ])
  blocked.release()
  await sleep(60)
  await outputs.close(1000)
  assert.deepEqual(blocked.taken, [lineOf('1'), lineOf('2'), lineOf('3'), dropLine('slow', 2, 2)])
})

test('news of drops does not pile up in front of a blocked output', async () => {
  const blocked = new ScriptedSink([{ kind: 'block' }], { name: 'slow', maxBatch: 1 })
  const { outputs } = open([blocked], { capacity: 2 })
  for (let round = 0; round < 4; round++) {
    for (let i = 0; i < 5; i++) outputs.send(alert(`${i}`))
    await sleep(40)
  }
  assert.ok(outputs.counters[0]!.waiting <= 3)
  blocked.release()
  await sleep(60)
  await outputs.close(1000)
  assert.deepEqual(blocked.taken.slice(-2), [dropLine('slow', 3, 3), dropLine('slow', 15, 18)])
})

test('a replay drops nothing', async () => {
  const sink = new ScriptedSink([], { name: 'a' })
  const { outputs } = open([sink], { capacity: 2 })
  for (let i = 0; i < 50; i++) {
    outputs.sendAll(alert(`${i}`))
    if (i % 10 === 9 && outputs.isCrowded) await outputs.waitForRoom()
  }
  await outputs.settle()
  assert.equal(sink.taken.length, 50)
  assert.equal(outputs.counters[0]!.dropped, 0)
})

test('when the only reader has gone away, all outputs are gone and nothing is reported as dropped', async () => {
  const { outputs, news } = open([new ScriptedSink([{ kind: 'fail', outlook: 'gone' }])])
  outputs.send(alert('1'))
  await outputs.settle()
  outputs.send(alert('2'))
  assert.equal(outputs.allGone, true)
  await sleep(50)
  assert.deepEqual(
    news.map(one => one.kind),
    ['gone'],
  )
})

test('without outputs nothing is rendered and nothing waits', async () => {
  const { outputs } = open([])
  outputs.send(alert('1'))
  assert.deepEqual([outputs.isCrowded, outputs.allGone], [false, false])
  await outputs.waitForRoom()
  await outputs.close(0)
})

test('reopening reaches every output', async () => {
  const sinks = [new ScriptedSink(), new ScriptedSink()]
  const { outputs } = open(sinks)
  outputs.reopen()
  await outputs.settle()
  assert.deepEqual(
    sinks.map(sink => sink.reopened),
    [1, 1],
  )
})
