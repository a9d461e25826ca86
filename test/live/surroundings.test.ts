/**
 * Where an agent may find itself: with few rights or none, with /proc hidden, in a container, without what the kernel usually shows. It runs
 * with what it has and says what is missing, or says in one line why it cannot. Surroundings are made by programs that run it (`setpriv`,
 * `unshare`), the process it must know is there before it and another user's.
 */
import assert from 'node:assert/strict'
import { chmodSync, chownSync, copyFileSync, existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { liveSkipReason } from '../../src/events/live/testing.ts'
import { main, rule, Running, scratch, script, until, Watcher } from './running.ts'

const tools = ['/usr/bin/setpriv', '/usr/bin/unshare', '/usr/bin/script']
const lacking = tools.find(file => !existsSync(file))
const reason = liveSkipReason()
const why =
  reason !== false
    ? reason
    : process.getuid?.() !== 0
      ? 'needs root'
      : lacking === undefined
        ? false
        : `needs ${lacking}`

const NOBODY = 65534
const ALL = ['bpf', 'perfmon', 'sys_ptrace', 'dac_read_search']

/** Root with these capabilities only, which no program it runs can add to. */
const withCapabilities = (names: readonly string[]): readonly string[] => [
  'setpriv',
  `--bounding-set=${['-all', ...names.map(name => `+${name}`)].join(',')}`,
  '--inh-caps=-all',
]
const without = (name: string): readonly string[] => withCapabilities(ALL.filter(each => each !== name))
/** In a mount namespace where `command` was run first. */
const after = (command: string, ...flags: readonly string[]): readonly string[] => [
  'unshare',
  '--mount',
  ...flags,
  'sh',
  '-c',
  `${command} && exec "$@"`,
  'sh',
]

const works: readonly {
  readonly name: string
  readonly wrap: readonly string[]
  /** Whether the file that the process had open before is known. */
  readonly isKnown: boolean
  readonly says?: RegExp
  /** It has a folder for the file system of the host. */
  readonly isContainer?: boolean
}[] = [
  { name: 'the capabilities of the service', wrap: [...withCapabilities(ALL), '--no-new-privs'], isKnown: true },
  {
    name: 'without CAP_SYS_PTRACE',
    wrap: without('sys_ptrace'),
    isKnown: false,
    says: /without CAP_SYS_PTRACE the programs and files of others that ran before are not known/,
  },
  {
    name: 'without CAP_DAC_READ_SEARCH',
    wrap: without('dac_read_search'),
    isKnown: false,
    says: /without CAP_DAC_READ_SEARCH the programs/,
  },
  {
    name: 'no memory may be locked (RLIMIT_MEMLOCK)',
    wrap: ['prlimit', '--memlock=0:0', ...withCapabilities(ALL)],
    isKnown: true,
  },
  {
    name: 'no tracefs, no debugfs',
    wrap: after('mount -t tmpfs none /sys/kernel/debug; mount -t tmpfs none /sys/kernel/tracing'),
    isKnown: true,
  },
  {
    // The kernel has its types all the same, and its own loader takes them from there.
    name: 'no /sys/kernel/btf',
    wrap: after('mount -t tmpfs none /sys/kernel/btf'),
    isKnown: true,
  },
  {
    name: '/proc with hidepid',
    wrap: [...after('mount -t proc -o hidepid=2 proc /proc'), ...withCapabilities(ALL)],
    isKnown: true,
  },
  {
    name: 'a pid namespace of its own, as in a container',
    wrap: after('mount -t proc proc /proc', '--pid', '--fork', '--kill-child'),
    isKnown: false,
    says: /\/proc is not the host's/,
  },
  {
    name: 'no /proc',
    wrap: after('mount -t tmpfs none /proc'),
    isKnown: false,
    says: /\/proc is not the host's/,
  },
  {
    name: 'a container that has the /proc of the host',
    wrap: after(
      'mkdir -p "$HOST_ROOT/proc" "$HOST_ROOT/etc" && mount --rbind /proc "$HOST_ROOT/proc" && mount -t proc proc /proc',
      '--pid',
      '--fork',
      '--kill-child',
    ),
    isContainer: true,
    isKnown: true,
  },
]

/** A process of another user, with a file open; its events can be told by the odd mode that it sets. */
const RULE = rule(
  'mode',
  // That the condition asks for the name keeps the kernel from telling it with the call.
  'evt.type = fchmod and evt.args contains "mode=01501" and not fd.name = /never',
  '%fd.name %proc.args',
)

for (const c of works) {
  test(`it watches: ${c.name}`, { skip: why }, async t => {
    const folder = scratch(t)
    chmodSync(folder, 0o755)
    chownSync(folder, NOBODY, NOBODY)
    copyFileSync(script, join(folder, 'actor.py'))
    writeFileSync(join(folder, 'rules.yaml'), RULE)
    const user = [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups']
    const actor = new Running(t, 'setpriv', [
      ...user,
      '/usr/bin/python3',
      '-S',
      join(folder, 'actor.py'),
      'change',
      folder,
    ])
    await actor.says('ready')
    const env = c.isContainer === true ? { HOST_ROOT: join(folder, 'host') } : {}
    const watcher = new Watcher(t, join(folder, 'rules.yaml'), [], c.wrap, env)
    await watcher.says('probe attached')
    await watcher.says('watching')
    actor.child.stdin!.write('on\n')
    await until('the alert', () => watcher.alertsOf('mode').length > 0)
    const { output_fields: fields } = watcher.alertsOf('mode')[0]!
    assert.equal(fields['fd.name'] === join(folder, 'mine'), c.isKnown, JSON.stringify(fields))
    assert.match(watcher.err, c.says ?? /^(?!.*(without CAP|that of a container))/s)
  })
}

const refuses: readonly { readonly name: string; readonly wrap: readonly string[]; readonly says: RegExp }[] = [
  { name: 'without CAP_BPF', wrap: without('bpf'), says: /needs root, or CAP_BPF\n/ },
  { name: 'without CAP_PERFMON', wrap: without('perfmon'), says: /needs root, or CAP_PERFMON\n/ },
  { name: 'without any', wrap: withCapabilities([]), says: /needs root, or CAP_BPF and CAP_PERFMON\n/ },
]

for (const c of refuses) {
  test(`it says in one line why it cannot watch: ${c.name}`, { skip: why }, async t => {
    const folder = scratch(t)
    writeFileSync(join(folder, 'rules.yaml'), RULE)
    const watcher = new Watcher(t, join(folder, 'rules.yaml'), [], c.wrap)
    await until('its end', () => watcher.child.exitCode !== null)
    assert.equal(watcher.child.exitCode, 1)
    assert.match(watcher.err, c.says)
    assert.ok(watcher.err.split('\n').length <= 4, watcher.err)
    assert.doesNotMatch(watcher.err, /\n {4}at /)
  })
}

test('`npm start` on a terminal says what is missing, and shows the samples', { skip: why }, async t => {
  const command = [...withCapabilities([]), process.execPath, '--disable-warning=ExperimentalWarning', main, 'start']
  const run = new Running(t, 'script', ['-qec', command.join(' '), '/dev/null'])
  await until('its end', () => run.child.exitCode !== null)
  assert.match(
    run.out,
    /cannot watch this machine: needs root, or CAP_BPF and CAP_PERFMON; replaying the samples instead/,
  )
  assert.match(run.out, /alerts/)
  assert.equal(run.child.exitCode, 0)
})
