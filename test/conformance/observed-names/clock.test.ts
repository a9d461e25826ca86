// The clock of the day is set while names are known, or the machine sleeps: they hold as long as if nobody had, by the clock that goes on evenly.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { LiveLab } from './live-lab.ts'
import { CONNECTS, rule, Scene } from './scene.ts'

const HOUR_MS = 3_600_000
const SHARED = '192.0.2.1'

const RULES = rule('Named', CONNECTS, '%proc.pid %fd.sip.name')
/** A socket that stays open would keep the name. */
const connects = (): Scene =>
  new Scene()
    .connect(11, SHARED)
    .event(11, 'close', { res: 0, fd: 7 })
    .connect(12, SHARED)
    .event(12, 'close', { res: 0, fd: 7 })
const own = ['11 shop.example', '12 pool.example']

const steps = [
  { name: 'hours forward', setMs: 6 * HOUR_MS },
  { name: 'days back', setMs: -72 * HOUR_MS },
] as const

// A step is noticed within a second: each waits for itself.
describe('clocks', { concurrency: true }, () => {
  for (const { name, setMs } of steps) {
    test(`the clock is set ${name}: each process keeps its own names, for as long as if it had not been`, async t => {
      const lab = new LiveLab(RULES)
      t.after(() => lab.stop())
      const begun = new Scene().fork(10, 11).fork(10, 12)
      await lab.happens(begun.dns(11, 'shop.example', [SHARED]).dns(12, 'pool.example', [SHARED]))
      assert.deepEqual(await lab.happens(connects()), own)
      await lab.pass(600_000, setMs)
      assert.deepEqual(await lab.happens(connects()), own, 'ten minutes later by the clock that goes on evenly')
      // TTL 30 s counts as 60, and the grace is 15 min.
      await lab.pass(358_500)
      assert.deepEqual(await lab.happens(connects()), own, 'a second before the end of the grace')
      await lab.pass(2000)
      assert.deepEqual(await lab.happens(connects()), ['11 <NA>', '12 <NA>'], 'a second after')
    })
  }

  test('the machine sleeps for a day: names hold for as long as it was awake', async t => {
    const lab = new LiveLab(RULES)
    t.after(() => lab.stop())
    await lab.happens(
      new Scene().fork(10, 11).fork(10, 12).dns(11, 'shop.example', [SHARED]).dns(12, 'pool.example', [SHARED]),
    )
    // The clock of the day goes on, the other one stands.
    await lab.pass(0, 24 * HOUR_MS)
    assert.deepEqual(await lab.happens(connects()), own)
    assert.deepEqual(await lab.happens(new Scene().dns(11, 'cafe.example', ['192.0.2.2']).connect(11, '192.0.2.2')), [
      '11 cafe.example',
    ])
  })
})
