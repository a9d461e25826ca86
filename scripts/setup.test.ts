import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'

/*
 * scripts/setup.sh and bin/tiercel in a copy of their own, with a `node` and an `npm` that only pretend: what they would do on a machine with
 * an old Node, without npm, or without network.
 */

const root = fileURLToPath(new URL('..', import.meta.url))
const toolNames = [
  'sh',
  'dirname',
  'sed',
  'grep',
  'head',
  'cmp',
  'mkdir',
  'rm',
  'cp',
  'cat',
  'uname',
  'readlink',
  'flock',
  'sleep',
  'chmod',
]

interface Machine {
  readonly folder: string
  readonly bin: string
  readonly run: (...args: readonly string[]) => {
    readonly code: number | null
    readonly out: string
    readonly err: string
  }
  readonly npmCalls: () => readonly string[]
}

const pretendNode = (version: string): string =>
  `#!/bin/sh\n[ "$1" = --version ] && echo v${version} && exit\necho "node ${version} runs: $*"\n`

/** Pretends to install: a Node in a folder for one, else an empty node_modules. */
const pretendNpm = `#!/bin/sh
echo "$PWD: $*" >>"$NPM_CALLS"
[ -n "\${NPM_FAILS:-}" ] && { echo "npm error code $NPM_FAILS" >&2; exit 1; }
sleep "\${NPM_TAKES:-0}"
mkdir -p node_modules
case $PWD in
  */.cache/node24)
    for p in linux-x64 linux-arm64; do
      mkdir -p node_modules/node-$p/bin
      printf '#!/bin/sh\\n[ "$1" = --version ] && echo v24.21.0 && exit\\necho "fetched node runs: $*"\\n' >node_modules/node-$p/bin/node
      chmod +x node_modules/node-$p/bin/node
    done ;;
esac
`

function makeMachine(t: TestContext, options: { node?: string; npm?: boolean; env?: NodeJS.ProcessEnv } = {}): Machine {
  const folder = mkdtempSync(join(tmpdir(), 'tiercel-setup-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const bin = join(folder, 'machine-bin')
  mkdirSync(bin)
  for (const name of toolNames) {
    const path = process.env['PATH']!.split(delimiter)
      .map(p => join(p, name))
      .find(existsSync)
    if (path !== undefined) symlinkSync(path, join(bin, name))
  }
  const program = (name: string, text: string): void => {
    writeFileSync(join(bin, name), text)
    chmodSync(join(bin, name), 0o755)
  }
  if (options.node !== undefined) program('node', pretendNode(options.node))
  if (options.npm !== false) program('npm', pretendNpm)
  for (const name of ['bin', 'scripts', 'package.json', 'package-lock.json']) {
    cpSync(join(root, name), join(folder, 'checkout', name), { recursive: true })
  }
  const calls = join(folder, 'npm-calls')
  const env = { PATH: bin, HOME: folder, NPM_CALLS: calls, ...options.env }
  return {
    folder: join(folder, 'checkout'),
    bin,
    run: (...args) => {
      const { status, stdout, stderr } = spawnSync('sh', args, { cwd: join(folder, 'checkout'), env, encoding: 'utf8' })
      return { code: status, out: stdout, err: stderr }
    },
    npmCalls: () => (existsSync(calls) ? readFileSync(calls, 'utf8').trimEnd().split('\n') : []),
  }
}

test('an old Node: a pinned one is fetched, then the dependencies; the second time nothing', t => {
  const m = makeMachine(t, { node: '20.19.0' })
  const first = m.run('bin/tiercel', 'check', 'a b')
  assert.equal(first.code, 0, first.err)
  assert.match(
    first.out,
    /^fetched node runs: --disable-warning=ExperimentalWarning .*\S+\/checkout\/src\/cli\/main\.ts check a b\n$/,
  )
  assert.match(first.err, /this machine has 20\.19\.0: fetching 24\.21\.0 for linux-/)
  assert.match(first.err, /installing the run-time dependencies/)
  assert.equal(first.err.trimEnd().split('\n').length, 2)
  const calls = m.npmCalls()
  assert.equal(calls.length, 2)
  assert.match(calls[0]!, /\/\.cache\/node24: ci .*--ignore-scripts/)
  assert.match(calls[1]!, /\/checkout: ci --omit=dev .*--ignore-scripts/)

  const second = m.run('bin/tiercel', 'x')
  assert.equal(second.err, '')
  assert.equal(m.npmCalls().length, 2)
})

test('a Node new enough is used as it is', t => {
  const m = makeMachine(t, { node: '26.1.0' })
  const { out, err } = m.run('bin/tiercel', 'x')
  assert.match(out, /^node 26\.1\.0 runs:/)
  assert.doesNotMatch(err, /fetching/)
})

test('standard output of the set-up is the path of the Node alone', t => {
  const m = makeMachine(t, { node: '24.0.0' })
  assert.equal(m.run('scripts/setup.sh').out, `${join(m.bin, 'node')}\n`)
})

test('a changed lock file installs again, and a developer keeps what the tests need', t => {
  const m = makeMachine(t, { node: '24.0.0' })
  m.run('scripts/setup.sh', 'develop')
  assert.equal(m.run('scripts/setup.sh', 'run').err, '')
  writeFileSync(join(m.folder, 'package-lock.json'), '{}')
  assert.match(m.run('scripts/setup.sh', 'run').err, /installing all dependencies/)
  assert.equal(m.npmCalls().length, 2)
})

test('dependencies removed by hand are installed again', t => {
  const m = makeMachine(t, { node: '24.0.0' })
  m.run('scripts/setup.sh')
  rmSync(join(m.folder, 'node_modules'), { recursive: true })
  assert.match(m.run('scripts/setup.sh').err, /installing/)
})

test('without npm it says what to do', t => {
  const m = makeMachine(t, { node: '20.0.0', npm: false })
  const { code, out, err } = m.run('bin/tiercel', 'demo')
  assert.equal(code, 1)
  assert.equal(out, '')
  assert.match(err, /npm is not on PATH/)
})

test('without network it says so, and leaves nothing that looks ready', t => {
  const m = makeMachine(t, { node: '20.0.0', env: { NPM_FAILS: 'ENOTFOUND' } })
  const { code, err } = m.run('bin/tiercel', 'demo')
  assert.equal(code, 1)
  assert.match(err, /npm error code ENOTFOUND/)
  assert.match(err, /the npm registry cannot be reached/)
  assert.match(err, /Node 24\.21\.0 could not be fetched/)
  assert.match(m.run('bin/tiercel', 'demo').err, /fetching 24\.21\.0/)
})

test('a link to the program finds its checkout', t => {
  const m = makeMachine(t, { node: '24.0.0' })
  symlinkSync('checkout/bin/tiercel', join(m.folder, '..', 'one'))
  symlinkSync(join(m.folder, '..', 'one'), join(m.folder, '..', 'two'))
  assert.match(m.run('../two', 'x').out, /\/checkout\/src\/cli\/main\.ts x/)
})

test('two at once: the second waits, and npm runs once', async t => {
  if (!existsSync('/usr/bin/flock') && !existsSync('/bin/flock')) return t.skip('flock is not on this machine')
  const m = makeMachine(t, { node: '24.0.0', env: { NPM_TAKES: '1' } })
  const env = { PATH: m.bin, NPM_CALLS: join(m.folder, '..', 'npm-calls'), NPM_TAKES: '1' }
  const codes = await Promise.all(
    [0, 1, 2].map(
      () =>
        new Promise(resolve => {
          spawn('sh', ['scripts/setup.sh'], { cwd: m.folder, env, stdio: 'ignore' }).on('exit', resolve)
        }),
    ),
  )
  assert.deepEqual(codes, [0, 0, 0])
  assert.equal(m.npmCalls().length, 1)
})

test('an installed package runs its compiled sources and installs nothing', t => {
  const m = makeMachine(t, { node: '24.0.0' })
  rmSync(join(m.folder, 'package-lock.json'))
  const { out, err } = m.run('bin/tiercel', 'x')
  assert.match(out, /\/checkout\/dist\/cli\/main\.js x\n$/)
  assert.equal(err, '')
  assert.deepEqual(m.npmCalls(), [])
})
