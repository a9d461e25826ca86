import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { makeMessage, type OutputMessage, type OutputSink, SinkError } from '../sinks/sink.ts'

/** A sink and the far end that it writes to. */
export interface SinkTarget {
  readonly sink: OutputSink
  /** The lines that have arrived so far, without what the channel adds. */
  readonly lines: () => readonly string[] | Promise<readonly string[]>
  /** Makes the far end refuse, and take again. */
  readonly breakIt?: () => void | Promise<void>
  readonly mendIt?: () => void | Promise<void>
  /** Makes the far end take nothing, without refusing. */
  readonly blockIt?: () => void | Promise<void>
  readonly dispose: () => void | Promise<void>
}

export interface SinkSuite {
  readonly name: string
  readonly open: () => SinkTarget | Promise<SinkTarget>
  readonly skip?: string | false
  /** The longest line that the channel carries in one piece. */
  readonly longestLine?: number
}

export function messagesOf(lines: readonly string[], priority = 4): OutputMessage[] {
  return lines.map(line => makeMessage(line, priority))
}

/** Waits until `count` lines have arrived, at most five seconds, and gives what is there. */
export async function arrived(target: SinkTarget, count: number): Promise<readonly string[]> {
  for (let waited = 0; waited < 5000; waited += 10) {
    const lines = await target.lines()
    if (lines.length >= count) return lines
    await sleep(10)
  }
  return target.lines()
}

async function rejectsWithin(ms: number, write: Promise<void>): Promise<SinkError> {
  const result = await Promise.race([
    write.then(() => 'written', (error: unknown) => error),
    sleep(ms, 'still waiting', { ref: false }),
  ])
  assert.ok(result instanceof SinkError, `${result}`)
  return result
}

/** The tests that every output channel passes. */
export function runSinkSuite(suite: SinkSuite): void {
  const on = (what: string, run: (target: SinkTarget) => Promise<void>): void => {
    test(`${suite.name}: ${what}`, { skip: suite.skip ?? false, timeout: 30_000 }, async () => {
      const target = await suite.open()
      try {
        await run(target)
      } finally {
        await target.dispose()
      }
    })
  }

  const batch = (sink: OutputSink, prefix: string): string[] =>
    Array.from({ length: Math.min(sink.maxBatch, 40) }, (_, i) => `${prefix} ${i}`)

  on('lines arrive whole and in order, whatever letters they hold', async target => {
    const long = 'x'.repeat(suite.longestLine ?? 300_000)
    const lines = ['{"a":"é😀\u2028"}', '  $HOME `id` \'"\\ %s', long, 'last']
    for (const line of lines) await target.sink.write(messagesOf([line]))
    await target.sink.close()
    assert.deepEqual(await arrived(target, lines.length), lines)
  })

  on('whole batches arrive in order', async target => {
    const first = batch(target.sink, 'first')
    const second = batch(target.sink, 'second')
    await target.sink.write(messagesOf(first))
    await target.sink.write(messagesOf(second))
    await target.sink.close()
    assert.deepEqual(await arrived(target, first.length + second.length), [...first, ...second])
  })

  on('after reopening, lines arrive as before', async target => {
    await target.sink.reopen()
    await target.sink.write(messagesOf(['before']))
    await target.sink.reopen()
    await target.sink.write(messagesOf(['after']))
    await target.sink.close()
    assert.deepEqual(await arrived(target, 2), ['before', 'after'])
  })

  on('closing without a write is fine, also twice', async target => {
    await target.sink.close()
    await target.sink.close()
  })

  on('a far end that refuses is an error, and one that comes back is used again', async target => {
    if (target.breakIt === undefined || target.mendIt === undefined) return
    await target.sink.write(messagesOf(['before']))
    await arrived(target, 1)
    await target.breakIt()
    const error = await rejectsWithin(8_000, writeUntilRefused(target.sink))
    assert.match(error.message, /\w/)
    await target.mendIt()
    await target.sink.write(messagesOf(['after']))
    await target.sink.close()
    const lines = await arrived(target, 2)
    assert.deepEqual([lines[0], lines.at(-1)], ['before', 'after'])
  })

  on('a write that hangs can be given up', async target => {
    if (target.blockIt === undefined) return
    await target.blockIt()
    const write = fillUp(target.sink)
    await sleep(100)
    target.sink.abort()
    await rejectsWithin(3_000, write)
  })
}

/** Writes until a write does not come back: small pipes and buffers on the way take a few megabytes. */
async function fillUp(sink: OutputSink): Promise<void> {
  for (let i = 0; i < 64; i++) await sink.write(messagesOf(['x'.repeat(500_000)]))
}

/** A channel with a buffer of its own notices only some writes later that nobody listens any more. */
async function writeUntilRefused(sink: OutputSink): Promise<void> {
  for (let i = 0; i < 60; i++) {
    await sink.write(messagesOf(['lost']))
    await sleep(100)
  }
}
