import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { defaultQueueLimits, type OutputNews, OutputQueue, type QueueLimits } from './output-queue.ts'
import { makeMessage } from './sinks/sink.ts'
import { ScriptedSink, type Step } from './testdata/scripted-sink.ts'

function open(steps: readonly Step[], limits: Partial<QueueLimits> = {}, maxBatch = 4) {
  const sink = new ScriptedSink(steps, { maxBatch })
  const news: OutputNews[] = []
  const queue = new OutputQueue(sink, { ...defaultQueueLimits, ...limits }, one => news.push(one))
  return { sink, queue, news, kinds: () => news.map(one => one.kind) }
}

function pushAll(queue: OutputQueue, lines: readonly string[], beyond = false): boolean[] {
  return lines.map(line => queue.push(makeMessage(line, 4), beyond))
}

const abc = ['a', 'b', 'c', 'd', 'e', 'f']

test('messages arrive in order, those of one turn together', async () => {
  const { sink, queue } = open([])
  pushAll(queue, abc)
  assert.equal(await queue.drain(1000), true)
  assert.deepEqual(sink.taken, abc)
  assert.equal(sink.writes, 2)
  assert.deepEqual(queue.counters, { name: 'scripted', written: 6, dropped: 0, failed: 0, waiting: 0 })
})

test('what does not fit is dropped and counted, what was there stays', async () => {
  const { sink, queue } = open([{ kind: 'block' }], { capacity: 2 }, 1)
  assert.deepEqual(pushAll(queue, ['a', 'b', 'c']), [true, true, false])
  assert.equal(queue.counters.dropped, 1)
  await turn()
  assert.deepEqual(pushAll(queue, ['d', 'e']), [true, false], 'the message being written has left the queue')
  sink.release()
  await queue.drain(1000)
  assert.deepEqual(sink.taken, ['a', 'b', 'd'])
})

test('long messages fill the queue by their length', () => {
  const { queue } = open([{ kind: 'block' }], { capacityBytes: 10 })
  assert.deepEqual(pushAll(queue, ['x'.repeat(9), 'y', 'z']), [true, true, false])
})

test('a replay may go beyond the limit and then waits for room', async () => {
  const { sink, queue } = open([{ kind: 'block' }], { capacity: 4 }, 2)
  assert.deepEqual(
    pushAll(queue, abc, true),
    abc.map(() => true),
  )
  assert.equal(queue.isCrowded, true)
  let roomy = false
  const room = queue.waitForRoom().then(() => {
    roomy = true
  })
  await turn()
  await turn()
  assert.equal(roomy, false)
  sink.release()
  await room
  assert.ok(queue.counters.waiting <= 4)
  assert.equal(queue.isCrowded, false)
  await queue.settle()
  assert.deepEqual(sink.taken, abc)
})

test('a failed batch is tried again from where it stopped', async () => {
  const { sink, queue, kinds } = open([{ kind: 'fail', delivered: 1 }, { kind: 'fail' }])
  pushAll(queue, ['a', 'b', 'c'])
  await queue.drain(2000)
  assert.deepEqual(sink.taken, ['a', 'b', 'c'])
  assert.equal(sink.writes, 3)
  assert.deepEqual(kinds(), [])
})

test('a message that will never go through does not hold up the rest of its batch', async () => {
  const { sink, queue, news } = open([{ kind: 'fail', delivered: 1, outlook: 'lost' }])
  pushAll(queue, ['a', 'b', 'c', 'd'])
  await queue.drain(1000)
  assert.deepEqual(sink.taken, ['a', 'c', 'd'])
  assert.deepEqual(queue.counters, { name: 'scripted', written: 3, dropped: 0, failed: 1, waiting: 0 })
  assert.deepEqual(
    news.map(one => (one.kind === 'failed' ? one.lost : one.kind)),
    [1],
  )
})

test('an output that refuses each message is reported at once, and then not for each', async () => {
  const refusals = abc.map((): Step => ({ kind: 'fail', outlook: 'lost' }))
  const { queue, news } = open(refusals, {}, 1)
  pushAll(queue, abc)
  await queue.settle()
  const lost = (): number[] => news.map(one => (one.kind === 'failed' ? one.lost : 0))
  assert.deepEqual(lost(), [1])
  await queue.close(0)
  assert.deepEqual(lost(), [1, 5])
})

test('an output that stays broken loses its batch after a while, is down, and recovers', async () => {
  const { sink, queue, kinds } = open([{ kind: 'fail' }, { kind: 'fail' }], { retryForMs: 150 })
  pushAll(queue, ['a'])
  await queue.settle()
  assert.deepEqual(queue.counters, { name: 'scripted', written: 0, dropped: 0, failed: 1, waiting: 0 })
  pushAll(queue, ['b'])
  assert.equal(await queue.drain(100), false, 'it pauses before it tries again')
  assert.equal(await queue.drain(3000), true)
  assert.deepEqual(sink.taken, ['b'])
  assert.deepEqual(kinds(), ['failed', 'recovered'])
})

test('an output that is down is not waited for', async () => {
  const { queue } = open([{ kind: 'fail' }, { kind: 'fail' }], { retryForMs: 0, capacity: 1 })
  pushAll(queue, ['a'])
  await sleep(20)
  assert.deepEqual(pushAll(queue, ['b', 'c'], true), [true, false])
  await queue.waitForRoom()
  await queue.settle()
  await queue.close(0)
  assert.equal(queue.counters.failed, 2)
})

test('an output whose reader has gone away takes nothing more, and that is told once', async () => {
  const { sink, queue, kinds } = open([{ kind: 'fail', delivered: 1, outlook: 'gone' }])
  pushAll(queue, abc)
  await queue.settle()
  assert.equal(queue.isGone, true)
  assert.deepEqual(pushAll(queue, ['z'], true), [false])
  assert.deepEqual(sink.taken, ['a'])
  assert.deepEqual(queue.counters, { name: 'scripted', written: 1, dropped: 1, failed: 5, waiting: 0 })
  assert.deepEqual(kinds(), ['gone'])
  await queue.waitForRoom()
})

test('a write that takes too long is told once', async () => {
  const { sink, queue, kinds } = open([{ kind: 'block' }], { timeoutMs: 20 })
  pushAll(queue, ['a'])
  await sleep(90)
  assert.deepEqual(kinds(), ['slow'])
  sink.release()
  await queue.drain(1000)
  assert.deepEqual(sink.taken, ['a'])
})

test('reopening comes after what is being written and before what follows', async () => {
  const { sink, queue } = open([{ kind: 'block' }], {}, 1)
  pushAll(queue, ['a', 'b'])
  await turn()
  queue.reopen()
  await turn()
  assert.equal(sink.reopened, 0)
  sink.release()
  await queue.drain(1000)
  assert.deepEqual([sink.taken, sink.reopened], [['a', 'b'], 1])
})

test('reopening an idle output happens at once', async () => {
  const { sink, queue } = open([])
  queue.reopen()
  await queue.drain(1000)
  assert.equal(sink.reopened, 1)
})

test('closing writes what waits', async () => {
  const { sink, queue } = open([])
  pushAll(queue, abc)
  await queue.close(1000)
  assert.deepEqual([sink.taken, sink.closed], [abc, true])
  assert.deepEqual(pushAll(queue, ['z']), [false])
})

test('closing gives a blocked output up after its time and counts what is lost', async () => {
  const { sink, queue } = open([{ kind: 'block' }], {}, 2)
  pushAll(queue, abc)
  await queue.close(50)
  assert.deepEqual([sink.taken, sink.closed], [[], true])
  assert.equal(queue.counters.failed, 6)
})

test('whatever the output does, every message is written, dropped or failed, and the written ones keep their order', async () => {
  const step: fc.Arbitrary<Step> = fc.oneof(
    fc.constant<Step>({ kind: 'take' }),
    fc.record({ kind: fc.constant('fail' as const), delivered: fc.nat(4), outlook: fc.constantFrom('again', 'lost') }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 6 }), fc.array(fc.nat(5), { maxLength: 6 }), async (steps, groups) => {
      const { sink, queue } = open(steps, { capacity: 7, retryForMs: 0 })
      let pushed = 0
      for (const size of groups) {
        for (let i = 0; i < size; i++) queue.push(makeMessage(`${pushed++}`, 1))
        await turn()
      }
      await queue.settle()
      await queue.close(0)
      const { written, dropped, failed, waiting } = queue.counters
      assert.deepEqual([written + dropped + failed, waiting], [pushed, 0])
      assert.equal(sink.taken.length, written)
      assert.deepEqual(
        sink.taken,
        [...sink.taken].sort((a, b) => Number(a) - Number(b)),
      )
    }),
    { numRuns: 150 },
  )
})
