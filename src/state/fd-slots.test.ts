import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Fd, FdType } from './fd.ts'
import { FdSlots } from './fd-slots.ts'

const numbers = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 40 }) },
  { weight: 2, arbitrary: fc.integer({ min: 40, max: 5000 }) },
  fc.constantFrom(-1, -100, 2 ** 31, 2 ** 53, 1e300),
)

const steps = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('set' as const), num: numbers }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('delete' as const), num: numbers }) },
    fc.record({ kind: fc.constant('copy' as const), num: fc.constant(0) }),
  ),
  { maxLength: 200 },
)

test('slots hold what a map holds, and a copy goes its own way', () => {
  fc.assert(
    fc.property(steps, list => {
      let slots = new FdSlots()
      let model = new Map<number, Fd>()
      const left: { slots: FdSlots; model: Map<number, Fd> }[] = []
      for (const { kind, num } of list) {
        if (kind === 'copy') {
          left.push({ slots, model })
          slots = slots.copy()
          model = new Map(model)
        } else if (kind === 'set') {
          const fd = new Fd(num, FdType.file)
          assert.equal(slots.set(fd), model.get(num))
          model.set(num, fd)
        } else {
          assert.equal(slots.delete(num), model.get(num))
          model.delete(num)
        }
        assert.equal(slots.get(num), model.get(num))
      }
      for (const one of [...left, { slots, model }]) {
        assert.equal(one.slots.size, one.model.size)
        assert.deepEqual(new Set(one.slots.values()), new Set(one.model.values()))
        const visited = new Set<Fd>()
        one.slots.some(fd => visited.add(fd) === undefined)
        assert.deepEqual(visited, new Set(one.model.values()))
      }
    }),
    { numRuns: 300 },
  )
})

test('what is visited may be deleted, also when little is left', () => {
  const slots = new FdSlots()
  for (let num = 0; num < 5000; num++) slots.set(new Fd(num, FdType.file))
  slots.some(fd => {
    if (fd.num % 100 !== 0) slots.delete(fd.num)
    return false
  })
  assert.equal(slots.size, 50)
  assert.ok(slots.capacity <= 1024, `${slots.capacity} slots`)
  assert.deepEqual(
    [...slots.values()].map(fd => fd.num).sort((a, b) => a - b),
    Array.from({ length: 50 }, (_, i) => i * 100),
  )
})

test('the first visit that gives true ends the round', () => {
  const slots = new FdSlots()
  for (const num of [3, 4, 100_000]) slots.set(new Fd(num, FdType.file))
  let visits = 0
  assert.equal(
    slots.some(fd => {
      visits++
      return fd.num === 4
    }),
    true,
  )
  assert.equal(visits, 2)
  assert.equal(
    slots.some(() => false),
    false,
  )
})
