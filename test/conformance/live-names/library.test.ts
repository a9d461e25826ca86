// What the functions of glibc and musl say to programs, where no packet and no socket tells it: names of a hosts file.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { liveSkipReason } from '../../../src/events/live/testing.ts'
import { openSource } from '../../../src/events/open-source.ts'
import { ownEventName } from '../../../src/events/own-event.ts'
import { eventSink } from '../../../src/events/testing.ts'
import { rule } from '../observed-names/scene.ts'
import { findTool } from './tools.ts'
import { WatchingAgent } from './watching-agent.ts'

const TIMEOUT_MS = 120_000
/** Nobody listens there. */
const PORT = 9

interface Asked {
  readonly name: string
  readonly function: string
  readonly family: '4' | '6'
  readonly ip: string
}

const asked: readonly Asked[] = [
  { name: 'ask-1.test', function: 'getaddrinfo', family: '4', ip: '127.66.7.1' },
  { name: 'ask-2.test', function: 'gethostbyname', family: '4', ip: '127.66.7.2' },
  { name: 'ask-3.test', function: 'gethostbyname_r', family: '4', ip: '127.66.7.3' },
  { name: 'ask-4.test', function: 'gethostbyname2', family: '4', ip: '127.66.7.4' },
  { name: 'ask-5.test', function: 'gethostbyname2_r', family: '6', ip: '::1' },
]
/** By a program that has no library which somebody could watch. */
const unseen: readonly Asked[] = [
  { name: 'ask-6.test', function: 'getaddrinfo', family: '4', ip: '127.66.7.6' },
  { name: 'ask-7.test', function: 'gethostbyname', family: '4', ip: '127.66.7.7' },
]
const HOSTS = [...asked, ...unseen].map(({ ip, name }) => `${ip} ${name}\n`).join('')
const RULES = rule(
  'Connect',
  `evt.type = connect and fd.l4proto = tcp and fd.sport = ${PORT}`,
  '%fd.sip.name %fd.sip.name.source %fd.sip.name.resolver',
)

const skip: string | false =
  liveSkipReason() ||
  (spawnSync('unshare', ['-m', 'true']).status !== 0 && 'mount namespaces cannot be made here') ||
  (findTool('cc') === undefined && 'cc is not there (sh scripts/setup-native.sh)')

const source: string = fileURLToPath(new URL('ask.c', import.meta.url))

function scratch(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'tiercel-library-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return folder
}

function compile(compiler: string, program: string, options: readonly string[] = []): void {
  const { status, stderr } = spawnSync(findTool(compiler)!, ['-O', source, ...options, '-o', program])
  assert.equal(status, 0, String(stderr))
}

/** Runs `command` with each row until a connection of it is judged as wanted; what is known of a namespace comes some moments after its beginning. */
async function expect(
  agent: WatchingAgent,
  rows: readonly Asked[],
  command: (row: Asked) => readonly string[],
  want: (row: Asked) => string,
): Promise<void> {
  for (const row of rows) {
    const endMs = Date.now() + TIMEOUT_MS / 4
    for (;;) {
      const child = spawn('unshare', ['-m', ...command(row)], { stdio: ['ignore', 'inherit', 'inherit'] })
      const [status] = (await once(child, 'close')) as [number]
      assert.equal(status, 0, row.function)
      const texts = (await agent.alerts()).filter(alert => alert.pid === child.pid).map(alert => alert.text)
      if (texts.at(-1) === want(row)) break
      assert.ok(Date.now() < endMs, `${row.function}: ${texts.join('; ')}`)
    }
  }
}

/** By default no library is watched that asks nobody but files and DNS servers. */
async function startAgent(t: TestContext): Promise<WatchingAgent> {
  const agent = await WatchingAgent.start({ rules: RULES, domains: ['getaddrinfo: true'] })
  t.after(() => agent.stop())
  return agent
}

const observed = ({ name }: Asked): string => `${name} observed getaddrinfo`

test('live: the names that glibc is asked for, by each of its functions', { skip, timeout: TIMEOUT_MS }, async t => {
  const folder = scratch(t)
  const program = join(folder, 'ask')
  compile('cc', program)
  writeFileSync(join(folder, 'hosts'), HOSTS)
  writeFileSync(join(folder, 'nsswitch.conf'), 'hosts: files\n')
  const script = `mount --bind ${folder}/hosts /etc/hosts; mount --bind ${folder}/nsswitch.conf /etc/nsswitch.conf; exec "$@"`
  await expect(
    await startAgent(t),
    asked,
    row => ['sh', '-c', script, 'sh', program, row.function, row.name, row.family, String(PORT)],
    observed,
  )
})

test('live: the names that musl is asked for, in a root of its own; a static program asks without a library', {
  skip,
  timeout: TIMEOUT_MS,
}, async t => {
  const compiler = findTool('musl-gcc')
  const loader = musl()
  if (compiler === undefined || loader === undefined)
    return t.skip('musl-gcc is not there (sh scripts/setup-clients.sh)')
  const root = scratch(t)
  for (const folder of ['lib', 'etc']) mkdirSync(join(root, folder))
  copyFileSync(loader.file, join(root, 'lib', loader.name))
  writeFileSync(join(root, 'etc/hosts'), HOSTS)
  // The compiler as it was unpacked finds only the static library by itself.
  copyFileSync(loader.file, join(root, 'libc.so'))
  compile('musl-gcc', join(root, 'ask'), [`-L${root}`, '-l:libc.so'])
  compile('musl-gcc', join(root, 'ask-static'), ['-static'])
  const agent = await startAgent(t)
  // As in a container, what is asked is the first program that runs there.
  const run = (program: string) => (row: Asked) => [
    `--root=${root}`,
    program,
    row.function,
    row.name,
    row.family,
    String(PORT),
  ]
  await expect(agent, asked, run('/ask'), observed)
  await expect(agent, unseen, run('/ask-static'), ({ name }) => `${name} hosts <NA>`)
})

test('live: a recording has what the library said', { skip, timeout: TIMEOUT_MS }, async t => {
  const folder = scratch(t)
  const program = join(folder, 'ask')
  compile('cc', program)
  const capture = join(folder, 'out.scap')
  const main = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url))
  const recorder = spawn(process.execPath, [
    '--disable-warning=ExperimentalWarning',
    main,
    'record',
    '--no-io',
    capture,
  ])
  t.after(() => recorder.kill('SIGKILL'))
  await once(recorder.stderr, 'data')
  // What was gathered is written each second; a capture that is not over is read as far as it goes.
  const endMs = Date.now() + TIMEOUT_MS / 2
  for (let answers = 0; answers === 0; ) {
    assert.ok(Date.now() < endMs, 'no answer is in the recording')
    const client = spawn(program, ['gethostbyname', 'localhost', '4', String(PORT)])
    await once(client, 'close')
    const sink = eventSink(record => {
      if (ownEventName(record) === 'tiercel_getaddrinfo' && record.tid === client.pid) answers++
    })
    for (let i = 0; i < 20 && answers === 0; i++) {
      await new Promise(resolve => setTimeout(resolve, 100))
      if (existsSync(capture)) await (await openSource(capture)).read(sink)
    }
  }
  recorder.kill('SIGINT')
  await once(recorder, 'close')
})

/** The loader of musl, which is its library as well, where `musl-gcc` has it. */
function musl(): { readonly file: string; readonly name: string } | undefined {
  const name = process.arch === 'arm64' ? 'ld-musl-aarch64.so.1' : 'ld-musl-x86_64.so.1'
  const roots = [fileURLToPath(new URL('../../../.cache/clients/root', import.meta.url)), '']
  for (const root of roots) {
    const folder = process.arch === 'arm64' ? 'aarch64-linux-musl' : 'x86_64-linux-musl'
    for (const file of [join(root, '/lib', folder, 'libc.so'), join(root, '/lib', name)])
      if (existsSync(file)) return { file: realpathSync(file), name }
  }
  return undefined
}
