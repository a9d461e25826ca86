import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { arrived, messagesOf, runSinkSuite, type SinkTarget } from '../testdata/sink-suite.ts'
import { openProgramSink } from './program-sink.ts'
import { SinkError } from './sink.ts'

interface ProgramTarget extends SinkTarget {
  readonly dir: string
}

/** A program that appends its input to a file; `script` may put another in its place. */
function openProgram(keepAlive: boolean, script = 'cat >> "$DIR/out"'): ProgramTarget {
  const dir = mkdtempSync(join(tmpdir(), 'tiercel-'))
  const command = join(dir, 'take')
  writeFileSync(command, `#!/bin/sh\nDIR=${dir}\n${script}\n`, { mode: 0o755 })
  const out = join(dir, 'out')
  return {
    dir,
    sink: openProgramSink({ program: `${command}`, keepAlive, closeTimeoutMs: 2_000 }),
    lines: () => (existsSync(out) ? readFileSync(out, 'utf8').split('\n').slice(0, -1) : []),
    breakIt: () => {
      if (keepAlive) writeFileSync(join(dir, 'take'), '#!/bin/sh\nexit 1\n')
      else renameSync(command, `${command}.away`)
    },
    mendIt: () => {
      if (keepAlive) writeFileSync(join(dir, 'take'), `#!/bin/sh\nDIR=${dir}\n${script}\n`)
      else renameSync(`${command}.away`, command)
    },
    blockIt: () => writeFileSync(command, '#!/bin/sh\nsleep 60\n'),
    dispose: () => rmSync(dir, { recursive: true }),
  }
}

runSinkSuite({ name: 'program', open: () => openProgram(false) })
// A process that runs on is not touched by a new script: it is broken by ending it, which the last tests do.
runSinkSuite({
  name: 'program kept alive',
  open: () => {
    const { breakIt, mendIt, ...target } = openProgram(true)
    return target
  },
})

async function failure(write: Promise<void>): Promise<SinkError> {
  const error = await write.then(
    () => undefined,
    (e: unknown) => e,
  )
  assert.ok(error instanceof SinkError, `${error}`)
  return error
}

test('program: every alert gets its own process, one after the other', async () => {
  const target = openProgram(false, 'read line; sleep 0.05; echo "$$ $line" >> "$DIR/out"')
  for (const line of ['1', '2', '3']) await target.sink.write(messagesOf([line]))
  const lines = (await target.lines()).map(line => line.split(' ') as [string, string])
  assert.deepEqual(
    lines.map(([, line]) => line),
    ['1', '2', '3'],
  )
  assert.equal(new Set(lines.map(([pid]) => pid)).size, 3)
  await target.dispose()
})

test('program kept alive: one process gets all alerts, another after reopening', async () => {
  const target = openProgram(true, 'while read line; do echo "$$ $line" >> "$DIR/out"; done')
  await target.sink.write(messagesOf(['1', '2']))
  await target.sink.write(messagesOf(['3']))
  await target.sink.reopen()
  await target.sink.write(messagesOf(['4']))
  await target.sink.close()
  const lines = (await target.lines()).map(line => line.split(' ') as [string, string])
  const [one, two, three, four] = lines.map(([pid]) => pid)
  assert.deepEqual(
    [lines.map(([, line]) => line), one === two, two === three, three === four],
    [['1', '2', '3', '4'], true, true, false],
  )
  await target.dispose()
})

const ends: readonly { readonly name: string; readonly script: string; readonly error?: RegExp }[] = [
  { name: 'a program that does not read its input has done its work', script: 'exit 0' },
  { name: 'an exit code is the program’s own affair', script: 'cat > /dev/null; exit 3' },
  { name: 'a command that is not there is a failure', script: 'exec /nowhere/at/all', error: /exit code 12[67]/ },
  { name: 'a program that is killed has failed', script: 'kill -9 $$', error: /exit code 137/ },
]

for (const c of ends) {
  test(`program: ${c.name}`, async () => {
    const target = openProgram(false, c.script)
    const write = target.sink.write(messagesOf(['x'.repeat(200_000)]))
    if (c.error === undefined) await write
    else assert.match((await failure(write)).message, c.error)
    await target.dispose()
  })
}

test('program kept alive: one that has ended is started again with the next alert', async () => {
  const target = openProgram(true, 'read line; echo "$line" >> "$DIR/out"')
  await target.sink.write(messagesOf(['1']))
  await arrived(target, 1)
  for (let i = 0; i < 100 && (await target.lines()).length < 2; i++) {
    await target.sink.write(messagesOf(['2'])).catch(() => {})
    await sleep(20)
  }
  assert.equal((await target.lines())[1], '2')
  await target.sink.close()
  await target.dispose()
})

test('program kept alive: one that will not end is killed with all it has started', async () => {
  const target = openProgram(true, 'sleep 300 & echo $! > "$DIR/pid"; wait')
  const sink = openProgramSink({ program: join(target.dir, 'take'), keepAlive: true, closeTimeoutMs: 300 })
  await sink.write(messagesOf(['1']))
  while (!existsSync(join(target.dir, 'pid')) || readFileSync(join(target.dir, 'pid'), 'utf8') === '') {
    await sleep(10)
  }
  const pid = Number(readFileSync(join(target.dir, 'pid'), 'utf8'))
  await sink.close()
  for (let i = 0; i < 100 && isRunning(pid); i++) await sleep(10)
  assert.equal(isRunning(pid), false)
  await target.dispose()
})

/** A process that nobody has waited for yet is still listed, as a zombie. */
function isRunning(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))
  } catch {
    return false
  }
}
