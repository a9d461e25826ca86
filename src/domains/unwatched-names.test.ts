import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { NameRecord } from './name-set.ts'
import { UnwatchedNames } from './unwatched-names.ts'

test('unwatched names: what goes is the oldest of somebody who has as many as all have on average', () => {
  const step = fc.record({
    act: fc.constantFrom('add', 'add', 'add', 'touch', 'delete', 'evict' as const),
    name: fc.integer({ min: 0, max: 12 }),
    giver: fc.constantFrom('a', 'b', 3),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), steps => {
      const names = new UnwatchedNames()
      // The same in the obvious way: an array, least recently used first.
      let all: NameRecord[] = []
      for (const { act, name, giver } of steps) {
        const known = names.get(`n${name}`)
        assert.equal(
          known,
          all.find(record => record.name === `n${name}`),
        )
        if (act === 'add' && known === undefined) {
          const record = new NameRecord(`n${name}`, [], giver, 0)
          names.add(record)
          all.push(record)
        } else if (act === 'touch' && known !== undefined) {
          names.touch(known)
          all = [...all.filter(record => record !== known), known]
        } else if (act === 'delete' && known !== undefined) {
          names.delete(known)
          all = all.filter(record => record !== known)
        } else if (act === 'evict') {
          const victim = names.victim()
          assert.equal(victim === undefined, all.length === 0)
          if (victim === undefined) continue
          const own = all.filter(record => record.giver === victim.giver)
          assert.equal(own[0], victim, 'the least recently used of its giver')
          assert.ok(own.length >= all.length / new Set(all.map(record => record.giver)).size)
          names.delete(victim)
          all = all.filter(record => record !== victim)
        }
        assert.deepEqual(
          [...names.values()].map(record => record.name),
          all.map(record => record.name),
        )
        assert.equal(names.size, all.length)
      }
    }),
  )
})
