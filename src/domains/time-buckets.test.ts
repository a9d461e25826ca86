import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { TimeBuckets, type Timed } from './time-buckets.ts'

interface Item extends Timed<Item> {
  readonly atMs: number
}

test('TimeBuckets: items come out when they are due, to the second, none before; those taken out before never', () => {
  const ms = fc.integer({ min: 0, max: 9000 })
  const step = fc.oneof(fc.record({ add: ms }), fc.record({ popAt: ms }), fc.record({ remove: fc.nat(20) }))
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), steps => {
      const buckets = new TimeBuckets<Item>()
      const model = new Set<Item>()
      for (const s of steps) {
        if ('add' in s) {
          const item: Item = { atMs: s.add, bucket: -1, sooner: undefined, later: undefined }
          buckets.add(s.add, item)
          model.add(item)
        } else if ('remove' in s) {
          const item = [...model][s.remove]
          if (item === undefined) continue
          buckets.delete(item)
          buckets.delete(item)
          model.delete(item)
        } else {
          const dueMs = (item: Item): number => Math.ceil(item.atMs / 1000) * 1000
          const due = [...model].filter(item => dueMs(item) <= s.popAt)
          const item = buckets.popDue(s.popAt)
          if (due.length === 0) assert.equal(item, undefined)
          else {
            assert.ok(item !== undefined && model.delete(item))
            assert.equal(dueMs(item), Math.min(...due.map(dueMs)))
          }
        }
        assert.equal(buckets.size, model.size)
      }
    }),
  )
})
