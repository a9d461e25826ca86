/**
 * `tiercel record` as users run it: what it takes, what its files hold when they are rotated, and what is left on the disk however it ends.
 * The files are read by Tiercel and by `libscap-reader.ts`.
 */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { tee } from '../../src/agent/testdata/tee-sink.ts'
import { liveSkipReason } from '../../src/events/live/testing.ts'
import { openSource } from '../../src/events/open-source.ts'
import { CollectingSink } from '../../src/events/testing.ts'
import { HostState, stateSink } from '../../src/state/host-state.ts'
import { FdType } from '../../src/state/fd.ts'
import type { Thread } from '../../src/state/thread.ts'
import { Container } from '../conformance/live-names/world.ts'
import { readAsLibscap } from './libscap-reader.ts'
import { main, Running, scratch, until, whileLosing } from './running.ts'

const tiercel = (t: TestContext, args: readonly string[], wrap: readonly string[] = []): Running => {
  const [file, ...rest] = [...wrap, process.execPath, '--disable-warning=ExperimentalWarning', main, ...args]
  return new Running(t, file!, rest)
}
const liveSkip = liveSkipReason()
const skip = { skip: liveSkip || (process.getuid?.() === 0 ? false : 'needs root') }
const skipMounts = { skip: skip.skip || (existsSync('/usr/bin/unshare') ? false : 'needs unshare') }

/** `tiercel record` that is under way. */
async function record(t: TestContext, args: readonly string[], wrap: readonly string[] = []): Promise<Running> {
  const recorder = tiercel(t, ['record', ...args], wrap)
  await recorder.says('recording into')
  return recorder
}

/** Ends it and gives its exit code. */
async function stop(recorder: Running, signal: NodeJS.Signals = 'SIGTERM'): Promise<unknown> {
  recorder.child.kill(signal)
  return recorder.ended
}

/** A shell that does the lines it is given, one after the other. */
class Shell extends Running {
  #count = 0

  constructor(t: TestContext, wrap: readonly string[] = []) {
    const [file, ...args] = [...wrap, '/bin/bash', '--norc', '-s']
    super(t, file!, args)
  }

  async does(line: string): Promise<void> {
    const done = `done-${++this.#count}-`
    this.child.stdin!.write(`${line}\necho ${done}\n`)
    await this.says(done)
  }
}

/** Lines of `tiercel trace`. */
async function trace(t: TestContext, path: string, condition: string, format: string): Promise<readonly string[]> {
  const running = tiercel(t, ['trace', condition, path, '-p', format])
  assert.equal(await running.ended, 0, running.err)
  return running.out.split('\n').slice(0, -1)
}

test('what a recording takes', skip, async t => {
  const folder = scratch(t)
  for (const name of ['early', 'in', 'out']) writeFileSync(join(folder, name), `${name}\n`)
  const container = Container.make()
  if (container === undefined) t.diagnostic('cgroups cannot be made here: --container is not tried')
  else t.after(() => container.remove())
  const inside = new Shell(
    t,
    container === undefined ? [] : ['/bin/sh', '-c', `echo $$ >${container.procs} && exec "$@"`, 'sh'],
  )
  const outside = new Shell(t)
  await inside.does(`exec 9<${folder}/early; cd ${folder}`)
  const cases: readonly {
    readonly name: string
    readonly args: readonly string[]
    readonly want: readonly string[]
  }[] = [
    { name: 'all', args: [], want: ['in', 'out'] },
    { name: 'plain', args: ['--no-gzip'], want: ['in', 'out'] },
    { name: 'process', args: ['--process', String(inside.child.pid)], want: ['in'] },
    ...(container === undefined
      ? []
      : [{ name: 'container', args: ['--container', container.id.slice(0, 12)], want: ['in'] }]),
    { name: 'condition', args: [`evt.type = openat and fd.name = ${folder}/out`], want: ['out'] },
    // Of the program nothing else is recorded, so only a whole path tells the file.
    { name: 'exactly', args: [`evt.type = openat and fd.name = ${folder}/out`, '--exactly'], want: ['out'] },
  ]
  const recordBoth = async ({ name, args }: (typeof cases)[number]): Promise<void> => {
    const recorder = await record(t, [join(folder, `${name}.scap`), ...args])
    await inside.does('/bin/cat in <&9')
    await outside.does(`/bin/cat ${folder}/out`)
    const code = await stop(recorder)
    assert.deepEqual([code, recorder.err.includes('were lost')], [0, false], recorder.err)
  }
  // On the host's own file system the container's programs have the host's paths.
  for (const each of cases) {
    const { name, want } = each
    const path = join(folder, `${name}.scap`)
    await t.test(name, async t => {
      await whileLosing(() => recordBoth(each))
      assert.equal(statSync(path).mode & 0o777, 0o600)
      const facts = readAsLibscap(path)
      assert.ok(facts.processes > 5 && facts.fds > 5, JSON.stringify(facts))
      const opens = `evt.type = openat and proc.name = cat and fd.name startswith ${folder}/`
      const program = name === 'exactly' ? '' : ' %proc.name'
      const seen = name === 'exactly' ? opens.replace('and proc.name = cat ', '') : opens
      assert.deepEqual(
        await trace(t, path, seen, `%fd.name${program}`),
        want.map(file => `${folder}/${file}${program === '' ? '' : ' cat'}`),
      )
      if (name === 'process' || name === 'container') {
        const others = await trace(t, path, `proc.pid = ${outside.child.pid} or proc.apid = ${outside.child.pid}`, 'x')
        const lives = await trace(t, path, 'evt.type in (clone, clone3, fork, vfork, execve, procexit)', 'x')
        assert.ok(others.length <= lives.length, 'of others no more than how they live')
      }
      if (name === 'exactly') {
        assert.deepEqual(await trace(t, path, 'not evt.type = asyncevent', '%evt.type'), ['openat'])
      }
    })
  }
})

interface Piece {
  readonly path: string
  readonly start: HostState
  readonly end: HostState
  /** Own events before the first event of the kernel, with their data. */
  readonly told: readonly string[]
}

/** A file alone: the state as its lists tell it, and as it is behind its events. */
async function readPiece(path: string): Promise<Piece> {
  readAsLibscap(path)
  const start = new HostState()
  const end = new HostState()
  const before = stateSink(start, () => true)
  const after = stateSink(end, () => true)
  const told: string[] = []
  let hasBegun = false
  let toldNs = 0n
  const both = tee(before, after)
  const summary = await (await openSource(path)).read({
    ...both,
    event: event => {
      if (!hasBegun && event.info.name !== 'asyncevent') {
        hasBegun = true
        assert.ok(event.tsNs >= toldNs, 'what is told at the beginning is not of later')
      }
      if (!hasBegun) {
        toldNs = event.tsNs
        before.event(event)
        told.push(event.bytes.toString('latin1', event.paramAt[1], event.end))
      }
      return after.event(event)
    },
  })
  assert.equal(summary.error, undefined, path)
  return { path, start, end, told }
}

/**
 * What the lists have of a thread and its files. Of descriptors that are no files they do not have whether these are closed by an exec, so that
 * what becomes of them may differ.
 */
function factsOf(state: HostState, t: Thread): object {
  const { tid, pid, ptid, sid, pgid, vpgid, vtid, vpid, comm, exe, exepath, args, uid, gid, root, tty, loginuid } = t
  const { cgroups, capInheritable, capPermitted, capEffective, exeWritable, exeUpperLayer, exeFromMemfd, netns } = t
  const fds = t.isMainThread
    ? [...t.fds.values()]
        .filter(({ type }) => type === FdType.file)
        .map(({ num, name, openFlags, dev }) => [num, name, openFlags, dev].join(' '))
    : []
  return {
    ...{ tid, pid, ptid, sid, pgid, vpgid, vtid, vpid, comm, exe, exepath, args, uid, gid, root, tty, loginuid },
    ...{ cgroups, capInheritable, capPermitted, capEffective, exeWritable, exeUpperLayer, exeFromMemfd, netns },
    cwd: state.cwdOf(t),
    env: state.envOf(t),
    mntns: t.mntns,
    fds: fds.sort(),
  }
}

test('each file of a rotation begins with the world as it is then', skipMounts, async t => {
  const folder = scratch(t)
  for (const name of ['one', 'two']) writeFileSync(join(folder, name), `${name}\n`)
  mkdirSync(join(folder, 'away'))
  writeFileSync(join(folder, 'resolv.conf'), 'nameserver 192.0.2.77\n')
  const recorder = await record(t, [join(folder, 'out.scap'), '-G', '1'])
  const pieces = (): readonly string[] => readdirSync(folder).filter(name => /^out-\d{4}\.scap$/.test(name))
  // Of another mount namespace, with a resolv.conf of its own.
  const shell = new Shell(t, [
    ...['unshare', '--mount', '--net', 'sh', '-c'],
    `mount --bind ${folder}/resolv.conf /etc/resolv.conf && exec "$@"`,
    'sh',
  ])
  await shell.does(`exec 9<${folder}/one; sleep 1000 & echo pid=$!.`)
  const gone = Number(/pid=(\d+)\./.exec(shell.out)?.[1])
  /** Until a whole file is there that begins so: on a busy machine files are written some seconds behind what happens. */
  const recorded = async (what: string, isSo: (state: HostState) => boolean): Promise<void> => {
    await until(what, async () => {
      await shell.does('/bin/true')
      const whole = pieces().at(-2)
      return whole !== undefined && isSo((await readPiece(join(folder, whole))).start)
    })
  }
  const isAway = (state: HostState): boolean => {
    const mine = state.threads.get(shell.child.pid!)
    return mine !== undefined && state.cwdOf(mine) === `${folder}/away/`
  }
  await recorded('a file that has the child', state => state.threads.get(gone) !== undefined)
  await shell.does(`cd ${folder}/away; exec 8<../two 9<&-; umask 077; kill -9 ${gone}; wait`)
  await recorded('a file that has what changed', isAway)
  // The reader of resolv.conf looks a moment after it sees the namespace.
  const wanted = pieces().length + 1
  await until('a file more', async () => {
    await shell.does('/bin/true')
    return pieces().length > wanted
  })
  assert.equal(await stop(recorder), 0, recorder.err)
  const files = await Promise.all(pieces().map(name => readPiece(join(folder, name))))
  assert.ok(files.length >= 4 && isAway(files.at(-1)!.start), recorder.err)

  for (const [i, { path, start, told }] of files.entries()) {
    if (i === 0) continue
    const former = files[i - 1]!.end
    const threads = (state: HostState): Thread[] =>
      [...state.threads.values()].filter(thread => !thread.isInvented && !thread.isDead)
    assert.deepEqual(
      threads(start).map(thread => factsOf(start, thread)),
      threads(former).map(thread => factsOf(former, thread)),
      path,
    )
    if (i < files.length - 1 || !isAway(start)) continue
    const mine = start.threads.get(shell.child.pid!)!
    assert.equal(mine.fds.get(8)?.name, `${folder}/two`)
    assert.deepEqual([mine.fds.get(9), start.threads.get(gone)], [undefined, undefined])
    assert.ok(mine.mntns !== 0 && mine.netns !== 0)
    assert.ok(
      told.some(text => text.startsWith(`tiercel_resolv_conf\0${mine.mntns}\n192.0.2.77`)),
      `its servers: ${told.join('|').slice(0, 2000)}`,
    )
    assert.ok(
      told.some(text => text.startsWith('tiercel_resolv_conf\x000\n')),
      'the servers of the host',
    )
    assert.ok(
      told.some(text => text.startsWith('tiercel_names\0')),
      'names',
    )
  }
})

test('rotation by size keeps the newest files, each readable', skip, async t => {
  const folder = scratch(t)
  const recorder = await record(t, [join(folder, 'out.scap'), '-C', '0.2', '-W', '2', '--no-gzip'])
  const shell = new Shell(t)
  const numbers = (): readonly number[] => readdirSync(folder).map(name => Number(name.slice(4, 8)))
  await until('files to go', async () => {
    await shell.does('for i in {1..3000}; do : </dev/null; done')
    return Math.max(...numbers()) > 4
  })
  assert.equal(await stop(recorder), 0, recorder.err)
  const last = Math.max(...numbers())
  assert.deepEqual(numbers(), [last - 1, last])
  for (const name of readdirSync(folder)) {
    const { processes, events } = readAsLibscap(join(folder, name))
    assert.ok(processes > 5 && events > 0)
  }
})

test('a recording that is killed has what came a moment before', skip, async t => {
  for (const extra of [[], ['--no-gzip']]) {
    const folder = scratch(t)
    const path = join(folder, 'out.scap')
    const recorder = await record(t, [path, ...extra])
    const shell = new Shell(t)
    const opened = async (): Promise<number> => {
      const sink = new CollectingSink()
      await (await openSource(path)).read(sink)
      return sink.events.filter(({ bytes }) => bytes.includes(`${folder}/mark`)).length
    }
    await shell.does(`: >${folder}/mark`)
    await until('the event on the disk', async () => (await opened()) > 0)
    await stop(recorder, 'SIGKILL')
    assert.ok((await opened()) > 0)
    if (extra.length > 0) readAsLibscap(path)
  }
})

test('a full disk ends the recording in plain words, and what it holds is whole', skipMounts, async t => {
  for (const extra of [[], ['--no-gzip']]) {
    const folder = scratch(t)
    const disk = join(folder, 'disk')
    mkdirSync(disk)
    // The mount is gone with its last process, so the file is copied out first.
    const wrap = ['unshare', '--mount', 'sh', '-c']
    const script = `mount -t tmpfs -o size=2m none ${disk} && "$@"; code=$?; cp ${disk}/out.scap ${folder}; exit $code`
    const recorder = await record(t, [join(disk, 'out.scap'), ...extra], [...wrap, script, 'sh'])
    const shell = new Shell(t)
    await until('its end', async () => {
      // Names that cannot be squeezed.
      await shell.does('for i in {1..2000}; do : </dev/null$RANDOM$RANDOM$RANDOM$RANDOM$RANDOM; done 2>/dev/null')
      return recorder.child.exitCode !== null
    })
    assert.equal(await recorder.ended, 1)
    assert.match(recorder.err, /^tiercel: cannot write `.*out\.scap`: the disk is full$/m)
    const { events } = readAsLibscap(join(folder, 'out.scap'))
    assert.ok(events > 100, String(events))
  }
})
