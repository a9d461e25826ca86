import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { TimeQueue } from './time-queue.ts'

test('TimeQueue: items come out by time, equal times in the order they came, none before its time', () => {
  const step = fc.oneof(
    fc.record({ push: fc.integer({ min: 0, max: 20 }) }),
    fc.record({ popAt: fc.integer({ min: 0, max: 20 }) }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), steps => {
      const queue = new TimeQueue<number>()
      const model: { atMs: number; id: number }[] = []
      let id = 0
      for (const s of steps) {
        if ('push' in s) {
          queue.push(s.push, id)
          model.push({ atMs: s.push, id: id++ })
          model.sort((a, b) => a.atMs - b.atMs || a.id - b.id)
        } else {
          const due = (model[0]?.atMs ?? Number.POSITIVE_INFINITY) <= s.popAt ? model.shift()?.id : undefined
          assert.equal(queue.popDue(s.popAt), due)
        }
        assert.equal(queue.size, model.length)
        assert.equal(queue.nextMs, model[0]?.atMs ?? Number.POSITIVE_INFINITY)
      }
    }),
  )
})
