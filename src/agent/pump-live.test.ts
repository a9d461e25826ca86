import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeOwnEvent } from '../events/own-event.ts'
import { eventSink } from '../events/testing.ts'
import type { LiveSource } from './live-source.ts'
import { pumpLive } from './pump-live.ts'

test('at the end what had happened is told, and not what others go on doing', async () => {
  const nowMs = Date.now()
  let next = 0
  const source: LiveSource = {
    // One event a piece, as where pieces are large and the machine is slow; the first thousand are of before, the others never end.
    drain: take => {
      const atMs = next < 1000 ? nowMs - 1000 + next : nowMs + 3_600_000
      take(makeOwnEvent({ name: 'tiercel_namespaces', data: `${next++} 1`, tid: 1, tsNs: BigInt(atMs) * 1_000_000n }))
      return 1
    },
    putBack: () => {},
    wait: () => Promise.resolve(),
    cancelWait: () => {},
    backlogBytes: () => 1,
    counters: () => ({ events: next, lost: 0 }),
    setWanted: () => {},
    tellWorld: () => [][Symbol.iterator](),
    isAlive: () => true,
    close: () => {},
  }
  let told = 0
  await pumpLive(
    { openLive: () => source },
    eventSink(() => {
      told++
    }),
    {
      wanted: { syscalls: new Set(), tracepoints: new Set(), observesNames: false },
      snaplen: 80,
      ringBytes: 65_536,
      signal: AbortSignal.abort(),
    },
  )
  assert.equal(told, 1000)
})
