import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { messagesOf, runSinkSuite, type SinkTarget } from '../testdata/sink-suite.ts'
import { openFileSink } from './file-sink.ts'
import { SinkError } from './sink.ts'

function openFile(keepAlive: boolean): SinkTarget & { readonly path: string } {
  const dir = mkdtempSync(join(tmpdir(), 'tiercel-'))
  const folder = join(dir, 'log')
  mkdirSync(folder)
  const path = join(folder, 'alerts')
  return {
    path,
    sink: openFileSink({ filename: path, keepAlive }),
    lines: () => readFileSync(path, 'utf8').split('\n').slice(0, -1),
    ...(!keepAlive && {
      breakIt: () => renameSync(folder, join(dir, 'away')),
      mendIt: () => renameSync(join(dir, 'away'), folder),
    }),
    dispose: () => rmSync(dir, { recursive: true }),
  }
}

runSinkSuite({ name: 'file', open: () => openFile(false) })
runSinkSuite({ name: 'file kept open', open: () => openFile(true) })

for (const keepAlive of [false, true]) {
  test(`file${keepAlive ? ' kept open' : ''}: a file renamed by log rotation is left ${keepAlive ? 'after reopening' : 'at once'}`, async () => {
    const target = openFile(keepAlive)
    await target.sink.write(messagesOf(['1']))
    renameSync(target.path, `${target.path}.1`)
    await target.sink.write(messagesOf(['2']))
    await target.sink.reopen()
    await target.sink.write(messagesOf(['3']))
    await target.sink.close()
    assert.equal(readFileSync(`${target.path}.1`, 'utf8'), keepAlive ? '1\n2\n' : '1\n')
    assert.equal(readFileSync(target.path, 'utf8'), keepAlive ? '3\n' : '2\n3\n')
    await target.dispose()
  })
}

test('file: what was there stays', async () => {
  const target = openFile(true)
  await target.sink.write(messagesOf(['1']))
  await target.sink.close()
  const again = openFileSink({ filename: target.path, keepAlive: true })
  await again.write(messagesOf(['2']))
  await again.close()
  assert.deepEqual(await target.lines(), ['1', '2'])
  assert.equal(statSync(target.path).mode & 0o133, 0, 'neither executable nor writable by others')
  await target.dispose()
})

const unready = [
  {
    name: 'a folder that is not there',
    path: '/no/such/folder/alerts',
    want: 'cannot open /no/such/folder/alerts: ENOENT',
  },
  { name: 'a folder in its place', path: '/etc', want: 'cannot open /etc: EISDIR' },
  { name: 'a file that is no folder', path: '/etc/passwd/alerts', want: 'cannot open /etc/passwd/alerts: ENOTDIR' },
] as const

for (const { name, path, want } of unready) {
  test(`file: told before the first alert: ${name}`, async () => {
    await assert.rejects(openFileSink({ filename: path, keepAlive: true }).check!(), {
      name: 'SinkError',
      message: want,
    })
  })
}

test('file: one that can be written is fine, and is not made before the first alert', async () => {
  const target = openFile(true)
  await target.sink.check!()
  assert.equal(existsSync(target.path), false)
  await target.sink.write(messagesOf(['1']))
  await target.sink.check!()
  await target.sink.close()
  assert.deepEqual(await target.lines(), ['1'])
  await target.dispose()
})

test('file: a disk that is full is an error that says so', async () => {
  const sink = openFileSink({ filename: '/dev/full', keepAlive: true })
  const error = await sink.write(messagesOf(['1'])).catch((e: unknown) => e)
  assert.ok(error instanceof SinkError)
  assert.match(error.message, /cannot write \/dev\/full: ENOSPC/)
  assert.equal(error.outlook, 'again')
  await sink.close()
})
