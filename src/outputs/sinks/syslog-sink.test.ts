import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { arrived, messagesOf, runSinkSuite, type SinkTarget } from '../testdata/sink-suite.ts'
import { makeMessage, SinkError } from './sink.ts'
import { openSyslogSink } from './syslog-sink.ts'

/** What syslog puts before a line: priority, time, program and (not always) process. */
const HEAD = /^<(\d+)>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d tiercel(\[\d+\])?: /

interface Daemon extends SinkTarget {
  readonly raw: () => readonly string[]
}

function makeDir(): string {
  return mkdtempSync(join(tmpdir(), 'tiercel-'))
}

/** A syslog daemon that takes stream connections. */
async function openStreamDaemon(): Promise<Daemon> {
  const dir = makeDir()
  const path = join(dir, 'log')
  const sockets = new Set<Socket>()
  let text = ''
  const start = (): Promise<Server> =>
    new Promise(resolve => {
      const server = createServer(socket => {
        sockets.add(socket)
        socket.on('error', () => {})
        socket.on('data', chunk => {
          text += chunk.toString('latin1')
        })
      })
      server.listen(path, () => resolve(server))
    })
  const stop = (): Promise<void> =>
    new Promise(resolve => {
      for (const socket of sockets) socket.destroy()
      server.close(() => resolve())
    })
  let server = await start()
  const raw = (): string[] => Buffer.from(text, 'latin1').toString('utf8').split('\n').slice(0, -1)
  return {
    raw,
    sink: openSyslogSink({ ident: 'tiercel', socketPath: path, loggerCommand: '/nowhere/logger' }),
    lines: () => raw().map(line => line.replace(HEAD, '')),
    breakIt: stop,
    mendIt: async () => {
      server = await start()
    },
    blockIt: () => {
      server.on('connection', socket => socket.pause())
    },
    dispose: async () => {
      await stop()
      rmSync(dir, { recursive: true })
    },
  }
}

const missing = ['logger', 'perl'].filter(command => spawnSync('which', [command]).status !== 0)

/** A syslog daemon as they nearly all are: a datagram socket. Node has none, so Perl, part of every Debian, plays it. */
async function openDatagramDaemon(loggerCommand = 'logger'): Promise<Daemon> {
  const dir = makeDir()
  const path = join(dir, 'log')
  const out = join(dir, 'out')
  const script = `use Socket; unlink $ARGV[0]; socket(S, PF_UNIX, SOCK_DGRAM, 0) or die; bind(S, sockaddr_un($ARGV[0])) or die;
    setsockopt(S, SOL_SOCKET, SO_RCVBUF, 4000000); open(O, '>>', $ARGV[1]); select(O); $| = 1;
    while (defined recv(S, $b, 1000000, 0)) { $b =~ s/[\\0\\n]+$//; print O "$b\\n"; }`
  const start = async () => {
    const child = spawn('perl', ['-e', script, path, out], { stdio: 'ignore' })
    for (let i = 0; i < 500 && !existsSync(path); i++) await sleep(10)
    return child
  }
  let child = await start()
  const raw = (): string[] => (existsSync(out) ? readFileSync(out, 'utf8').split('\n').slice(0, -1) : [])
  const stop = (): void => {
    child.kill('SIGKILL')
    rmSync(path, { force: true })
  }
  return {
    raw,
    sink: openSyslogSink({ ident: 'tiercel', socketPath: path, loggerCommand }),
    lines: () => raw().map(line => line.replace(HEAD, '')),
    breakIt: stop,
    mendIt: async () => {
      child = await start()
    },
    dispose: () => {
      stop()
      rmSync(dir, { recursive: true })
    },
  }
}

runSinkSuite({ name: 'syslog (stream)', open: openStreamDaemon })
runSinkSuite({
  name: 'syslog (datagrams by logger)',
  open: () => openDatagramDaemon(),
  longestLine: 20_000,
  skip: missing.length > 0 ? `needs ${missing.join(' and ')}` : false,
})

for (const [name, open] of [
  ['stream', openStreamDaemon],
  ['datagrams by logger', openDatagramDaemon],
] as const) {
  const skip = name !== 'stream' && missing.length > 0 ? `needs ${missing.join(' and ')}` : false
  test(`syslog (${name}): the priority is the severity, the facility is user`, { skip }, async () => {
    const daemon = await open()
    await daemon.sink.write([0, 4, 6, 7].map(priority => makeMessage(`<9>${priority}`, priority)))
    await daemon.sink.close()
    await arrived(daemon, 4)
    const found = daemon.raw().map(line => [HEAD.exec(line)?.[1], line.replace(HEAD, '')])
    assert.deepEqual(found, [
      ['8', '<9>0'],
      ['12', '<9>4'],
      ['14', '<9>6'],
      ['15', '<9>7'],
    ])
    await daemon.dispose()
  })
}

test('syslog: no daemon is an error that says where it was sought', async () => {
  const sink = openSyslogSink({ ident: 'tiercel', socketPath: '/nowhere/log', loggerCommand: 'logger' })
  const error = await sink.write(messagesOf(['1'])).catch((e: unknown) => e)
  assert.ok(error instanceof SinkError)
  assert.match(error.message, /no syslog daemon answers at \/nowhere\/log: ENOENT/)
})

test('syslog: a missing logger is named', { skip: missing.length > 0 ? 'needs perl' : false }, async () => {
  const daemon = await openDatagramDaemon('/nowhere/logger')
  const error = await daemon.sink.write(messagesOf(['1'])).catch((e: unknown) => e)
  assert.ok(error instanceof SinkError)
  assert.match(error.message, /cannot run `\/nowhere\/logger` to reach .*log: ENOENT/)
  await daemon.dispose()
})
