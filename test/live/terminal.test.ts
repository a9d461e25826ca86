/** `tiercel top` and `trace` on a terminal, live: what is on the screen, keys, and that the terminal is as it was behind them. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { type TestContext, test } from 'node:test'
import { connect } from 'node:net'
import { once } from 'node:events'
import { liveSkipReason } from '../../src/events/live/testing.ts'
import { main, Running, scratch, until } from './running.ts'

const reason =
  liveSkipReason() ||
  (process.getuid?.() !== 0 && 'needs root') ||
  (!existsSync('/usr/bin/script') && 'needs /usr/bin/script')
const skip = { skip: reason }

/** The command on a terminal of its own. */
function onTerminal(t: TestContext, args: string): Running {
  scratch(t)
  const command = `stty cols 100 rows 12; exec ${process.execPath} --disable-warning=ExperimentalWarning ${main} ${args}`
  return new Running(t, '/usr/bin/script', ['-qec', command, '/dev/null'], { TERM: 'xterm', SHELL: '/bin/sh' })
}

const ALTERNATE_SCREEN = '\u001b[?1049h'
const NORMAL_SCREEN = '\u001b[?1049l'

/** What the screen showed last. */
const lastScreen = (running: Running): string => running.out.slice(running.out.lastIndexOf('\u001b[H'))

/** Connects to itself now and then, until the test ends. */
async function talk(t: TestContext): Promise<number> {
  const server: Server = createServer(socket => socket.end('x'.repeat(1000))).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { readonly port: number }
  const timer = setInterval(
    () =>
      connect(port, '127.0.0.1')
        .on('error', () => {})
        .resume(),
    100,
  )
  t.after(() => {
    clearInterval(timer)
    server.close()
  })
  return port
}

for (const [how, key] of [
  ['q', 'q'],
  ['Ctrl-C', '\u0003'],
] as const) {
  test(`top: a table that keys change, left by ${how}`, skip, async t => {
    const port = await talk(t)
    const top = onTerminal(t, 'top')
    await top.says(ALTERNATE_SCREEN)
    assert.ok(!top.out.slice(top.out.indexOf(ALTERNATE_SCREEN)).includes('tiercel:'), 'no message within the table')
    const keys = async (text: string, sees: () => boolean): Promise<void> => {
      top.child.stdin!.write(text)
      await until(`${JSON.stringify(text)} on the screen`, sees)
    }
    await keys('/', () => lastScreen(top).includes('filter: _'))
    const row = new RegExp(`→ \\S*:${port} +tcp +\\d+ `)
    await keys(`${port}\r`, () => lastScreen(top).includes(`/ filter: ${port}`) && row.test(lastScreen(top)))
    const rows = lastScreen(top)
      .split('\n')
      .filter(line => /tcp|udp/.test(line))
    assert.ok(rows.length > 0 && rows.every(line => line.includes(String(port))), 'only what the filter takes')
    await keys('s', () => lastScreen(top).includes('s sort: connections'))
    await keys('p', () => lastScreen(top).includes('p go on'))
    await keys('\u001b[1;5C', () => lastScreen(top).includes('s sort: connections'))
    top.child.stdin!.write(key)
    await until('its end', () => top.child.exitCode !== null)
    assert.equal(await top.ended, 0)
    assert.ok(top.out.includes(NORMAL_SCREEN))
  })
}

test('trace on a terminal says that it watches, and ends by Ctrl-C', skip, async t => {
  const trace = onTerminal(t, "trace 'proc.name = nobody-has-this-name'")
  await trace.says('watching until Ctrl-C')
  trace.child.stdin!.write('\u0003')
  await until('its end', () => trace.child.exitCode !== null)
  assert.equal(await trace.ended, 0)
})

test('trace: calls that come often are traced when the condition names them', skip, async t => {
  const trace = onTerminal(t, `trace 'evt.type = read and proc.pid = ${process.pid}' -p 'seen:%evt.type' -n 1`)
  await trace.says('watching until Ctrl-C')
  await until('a read', () => {
    readFileSync('/proc/self/comm')
    return trace.child.exitCode !== null
  })
  assert.equal(await trace.ended, 0)
  assert.match(trace.out, /^seen:read\r?$/m)
})
