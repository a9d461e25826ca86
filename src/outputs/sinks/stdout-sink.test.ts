import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { closeSync, constants, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { messagesOf, runSinkSuite, type SinkTarget } from '../testdata/sink-suite.ts'
import { SinkError } from './sink.ts'
import { openStdoutSink } from './stdout-sink.ts'

/** A pipe in place of standard output, and its reader. */
function openPipe(): SinkTarget & { readonly reader: Socket } {
  const dir = mkdtempSync(join(tmpdir(), 'tiercel-'))
  const path = join(dir, 'pipe')
  execFileSync('mkfifo', [path])
  const readEnd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  const writeEnd = openSync(path, constants.O_WRONLY)
  const reader = new Socket({ fd: readEnd, readable: true, writable: false })
  let text = ''
  reader.on('data', chunk => {
    text += chunk.toString('latin1')
  })
  return {
    reader,
    sink: openStdoutSink(writeEnd),
    lines: () => Buffer.from(text, 'latin1').toString('utf8').split('\n').slice(0, -1),
    blockIt: () => {
      reader.pause()
    },
    dispose: () => {
      reader.destroy()
      closeSync(writeEnd)
      rmSync(dir, { recursive: true })
    },
  }
}

runSinkSuite({ name: 'stdout (pipe)', open: openPipe })

runSinkSuite({
  name: 'stdout (file)',
  open: () => {
    const dir = mkdtempSync(join(tmpdir(), 'tiercel-'))
    const path = join(dir, 'out')
    const fd = openSync(path, 'a')
    return {
      sink: openStdoutSink(fd),
      lines: () => readFileSync(path, 'utf8').split('\n').slice(0, -1),
      dispose: () => {
        closeSync(fd)
        rmSync(dir, { recursive: true })
      },
    }
  },
})

test('stdout: a reader that goes away ends the output quietly', async () => {
  const target = openPipe()
  await target.sink.write(messagesOf(['a']))
  target.reader.destroy()
  await sleep(20)
  const error = await target.sink.write(messagesOf(['b'])).catch((e: unknown) => e)
  assert.ok(error instanceof SinkError)
  assert.equal(error.outlook, 'gone')
  target.dispose()
})

const stopped = [
  { name: 'socket', shell: '"$0" "$@"; echo ended >&2' },
  { name: 'pipe', shell: '{ "$0" "$@"; echo ended >&2; } | sleep 20' },
] as const

for (const { name, shell } of stopped) {
  test(`stdout (${name}): a reader that has stopped holds up neither the event loop nor the end of the process`, async () => {
    const module = JSON.stringify(new URL('./stdout-sink.ts', import.meta.url).href)
    const script = `
      const { openStdoutSink } = await import(${module})
      const sink = openStdoutSink()
      sink.write([{ line: 'x'.repeat(1_000_000), priority: 1 }])
      setTimeout(() => { process.stderr.write('turning '); process.exit(0) }, 100)`
    const args = ['-c', shell, process.execPath, '--input-type=module', '-e', script]
    const child = spawn('sh', args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true })
    let stderr = ''
    const ended = new Promise(resolve => {
      child.stderr.on('data', chunk => {
        stderr += chunk
        if (stderr.endsWith('ended\n')) resolve('ended')
      })
    })
    assert.equal(await Promise.race([ended, sleep(10_000, 'hangs', { ref: false })]), 'ended')
    assert.equal(stderr, 'turning ended\n')
    process.kill(-child.pid!, 'SIGKILL')
    child.stdout.destroy()
    child.stderr.destroy()
  })
}
