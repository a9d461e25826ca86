import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { TimeBuckets } from './time-buckets.ts'

test('TimeBuckets: items come out when they are due, to the second, none before; those taken out before never', () => {
  const ms = fc.integer({ min: 0, max: 9000 })
  const step = fc.oneof(fc.record({ add: ms }), fc.record({ popAt: ms }), fc.record({ remove: fc.nat(20) }))
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), steps => {
      const buckets = new TimeBuckets<{ readonly atMs: number }>()
      const model = new Map<{ readonly atMs: number }, number>()
      for (const s of steps) {
        if ('add' in s) {
          const item = { atMs: s.add }
          model.set(item, buckets.add(s.add, item))
        } else if ('remove' in s) {
          const item = [...model.keys()][s.remove]
          if (item === undefined) continue
          buckets.delete(model.get(item)!, item)
          model.delete(item)
        } else {
          const dueMs = (item: { readonly atMs: number }): number => Math.ceil(item.atMs / 1000) * 1000
          const due = [...model.keys()].filter(item => dueMs(item) <= s.popAt)
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
