import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'

/** Says `stopped` when it is told to, and takes until `end` comes on its standard input. */
const LASTS = `
  const { onStopSignals } = await import(${JSON.stringify(new URL('stop-signals.ts', import.meta.url).href)})
  onStopSignals(() => console.log('stopped'))
  process.stdin.once('data', () => process.exit(0))
  console.log('ready')
`

interface Lasting {
  readonly child: ChildProcess
  readonly out: () => string
  readonly says: (text: string) => Promise<void>
}

function start(t: TestContext): Lasting {
  const child = spawn(process.execPath, ['--input-type=module', '-e', LASTS], { stdio: ['pipe', 'pipe', 'inherit'] })
  t.after(() => child.kill('SIGKILL'))
  let out = ''
  child.stdout.on('data', data => (out += String(data)))
  const says = async (text: string): Promise<void> => {
    while (!out.includes(text)) await once(child.stdout, 'data')
  }
  return { child, out: () => out, says }
}

test('signals that come together are one request', async t => {
  const { child, out, says } = start(t)
  await says('ready')
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGTERM'] as const) child.kill(signal)
  await says('stopped')
  child.stdin!.end('end\n')
  assert.deepEqual(await once(child, 'close'), [0, null])
  assert.equal(out(), 'ready\nstopped\n')
})

test('who asks again does not wait', async t => {
  const { child, out, says } = start(t)
  await says('ready')
  child.kill('SIGTERM')
  await says('stopped')
  const again = setInterval(() => child.kill('SIGTERM'), 50)
  t.after(() => clearInterval(again))
  assert.deepEqual(await once(child, 'close'), [null, 'SIGTERM'])
  assert.equal(out(), 'ready\nstopped\n')
})
