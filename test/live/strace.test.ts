/**
 * Strace as an oracle: programs run under both, and each call that strace saw must be an event of its thread, in order, with the same
 * result, texts, flags, descriptors and addresses; and files must be known by the names that strace finds for descriptors.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { liveSkipReason } from '../../src/events/live/testing.ts'
import { compareCall } from './compare-call.ts'
import { type TracedCall, tracedFd } from './strace-lines.ts'
import { runTraced, type ToldEvent, type TracedThread } from './traced-run.ts'

const scripts = new URL('../../src/events/live/testdata/', import.meta.url)
const sourceOf = (name: string): string => fileURLToPath(new URL(`testdata/${name}.c`, import.meta.url))

function skipReason(): string | false {
  const missing = ['strace', 'gcc', 'perl', 'python3'].find(name => !existsSync(`/usr/bin/${name}`))
  return liveSkipReason() || (missing === undefined ? false : `${missing} is not installed`)
}

/** Events that are named otherwise than the call. */
const EVENT_NAMES: ReadonlyMap<string, string> = new Map([
  ['pread64', 'pread'],
  ['pwrite64', 'pwrite'],
  ['prlimit64', 'prlimit'],
])
/** Of 32-bit programs, as strace names them. */
const COMPAT_NAMES: ReadonlyMap<string, string> = new Map([
  ['fcntl64', 'fcntl'],
  ['fstatat64', 'newfstatat'],
  ['mmap2', 'mmap'],
  ['recv', 'recvfrom'],
  ['send', 'sendto'],
  ['sendfile64', 'sendfile'],
  ['setresuid32', 'setresuid'],
  ['setuid32', 'setuid'],
])
/** Calls of 32-bit programs that have no native equal. */
const NOT_TOLD = ['socketcall', 'waitpid']
/** Calls that do not return to the program as others do, and what the kernel calls for a call that goes on. */
const NO_EVENT: ReadonlySet<string> = new Set(['exit', 'exit_group', 'rt_sigreturn', 'restart_syscall', ...NOT_TOLD])
/** Events that are not the end of a call that strace shows. */
const NO_CALL: ReadonlySet<string> = new Set(['asyncevent', 'procexit', ...NO_EVENT])
const CLONES: ReadonlySet<string> = new Set(['clone', 'clone3', 'fork', 'vfork'])

/** What differs on purpose: `call key` and why. */
const KNOWN: ReadonlyMap<string, string> = new Map([
  ['sendmmsg result', 'each message is an event with its own length'],
  ['recvmmsg result', 'each message is an event with its own length'],
])

const perl = `use Socket; use Fcntl; use POSIX;
open(F, ">a"); print F "hi"; close F; rename "a", "b"; link "b", "c"; symlink "b", "d"; chmod 0600, "b"; unlink "b", "c", "d";
socketpair(A, B, AF_UNIX, SOCK_STREAM, PF_UNSPEC); syswrite A, "x"; sysread B, $x, 10;
pipe(R, W); my $p = fork(); if (!$p) { close R; exec "true"; } waitpid $p, 0;
socket(L, PF_INET, SOCK_STREAM, 6); bind(L, sockaddr_in(0, INADDR_LOOPBACK)); listen(L, 5); my ($port) = sockaddr_in(getsockname(L));
socket(T, PF_INET, SOCK_STREAM, 6); connect(T, sockaddr_in($port, INADDR_LOOPBACK)); accept(N, L); syswrite N, "abc"; shutdown N, 1;
my $d = POSIX::dup(fileno(T)); POSIX::dup2($d, 50); POSIX::close(50); $> = 1; $> = 0; setpgrp(0, 0); kill 0, $$;`

const shell = `cat /etc/hostname | wc -c; ls /nonexistent 2>/dev/null; cd /usr; for i in 1 2; do : >"$0/x$i"; done
rm "$0"/x?; (exec 5<../etc/passwd; read -r line <&5; echo "$line" | tr a b); tar cf "$0/t" /etc/apt 2>/dev/null; exec ls -la /etc`

describe('what strace sees of programs', { skip: skipReason() }, () => {
  let folder = ''
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'tiercel-strange-'))
    execFileSync('gcc', ['-w', '-O1', '-pthread', '-o', join(folder, 'strange-calls'), sourceOf('strange-calls')])
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  const programs: readonly { name: string; minimum: number; run: () => Promise<readonly TracedThread[]> }[] = [
    { name: 'a shell with pipes', minimum: 500, run: () => runTraced('/bin/sh', ['-c', shell, folder]) },
    { name: 'perl', minimum: 200, run: () => runTraced('/bin/sh', ['-c', `cd ${folder} && exec perl -e '${perl}'`]) },
    {
      name: 'strange calls',
      minimum: 250,
      run: () => runTraced(join(folder, 'strange-calls'), [mkdtempSync(join(folder, 'work-'))]),
    },
    ...['rare-calls', 'connects', 'threads'].map(script => ({
      name: `${script}.py`,
      minimum: 500,
      run: () => runTraced('/usr/bin/python3', ['-S', fileURLToPath(new URL(`${script}.py`, scripts))]),
    })),
  ]
  test('is what the probe tells: a 32-bit program', {
    skip: process.arch === 'x64' ? false : 'calls of 32-bit programs are told on x86-64',
  }, async t => {
    const program = join(folder, 'compat-calls')
    const options = [
      '-w',
      '-O1',
      '-m32',
      '-nostdlib',
      '-static',
      '-ffreestanding',
      '-fno-stack-protector',
      '-fno-pic',
      '-no-pie',
    ]
    const work = mkdtempSync(join(folder, 'work-'))
    try {
      execFileSync('gcc', [...options, '-o', program, sourceOf('compat-calls')])
      execFileSync(program, { cwd: mkdtempSync(join(folder, 'work-')), timeout: 20_000 })
    } catch (error) {
      t.skip(`32-bit programs cannot be made or run here: ${String(error)}`)
      return
    }
    assertSame(await runTraced('/bin/sh', ['-c', `cd ${work} && exec ${program}`]), 60)
  })
  for (const { name, minimum, run } of programs) {
    test(`is what the probe tells: ${name}`, async () => {
      assertSame(await run(), minimum)
    })
  }
})

function assertSame(threads: readonly TracedThread[], minimum: number): void {
  const faults: string[] = []
  let compared = 0
  for (const thread of threads) compared += compareThread(thread, faults)
  assert.deepEqual(faults.slice(0, 20), [], `${faults.length} differences`)
  assert.ok(compared >= minimum, `${compared} calls`)
}

/** Adds what differs to `faults`; gives how many calls were compared. */
function compareThread({ tid, calls, events, unread }: TracedThread, faults: string[]): number {
  for (const line of unread) faults.push(`not understood: ${line}`)
  let at = 0
  let compared = 0
  // Behind what the first thread did before it became the program.
  if (calls[0]?.name === 'execve')
    at = Math.max(
      events.findIndex(({ name }) => name === 'execve'),
      0,
    )
  for (const call of calls) {
    while (at < events.length && isNoCall(events[at]!)) at++
    if (NO_EVENT.has(call.name)) continue
    // With TCP Fast Open a send connects, and that is told before it.
    if (call.line.includes('MSG_FASTOPEN') && events[at]?.name === 'connect') at++
    const event = events[at]
    if (event === undefined || event.name !== eventName(call)) {
      faults.push(`${tid}: ${call.line.slice(0, 300)} is followed by ${event?.name ?? 'nothing'}`)
      return compared
    }
    compared++
    for (const { call: name, key, want, got } of compareCall(call, event)) {
      if (!KNOWN.has(`${name} ${key}`))
        faults.push(`${name} ${key}: ${want} is told as ${got}, of ${call.line.slice(0, 300)}`)
    }
    const name = wrongName(call, event)
    if (name !== undefined) faults.push(`${call.line.slice(0, 300)}: fd ${event.fdNum} is known as ${name}`)
    const count = event.name === 'sendmmsg' || event.name === 'recvmmsg' ? Number(call.result) : 1
    at += Math.max(count, 1)
  }
  for (const event of events.slice(at)) if (!isNoCall(event)) faults.push(`${tid}: ${event.name} was no call`)
  return compared
}

/** A successful execveat is told as an execve, as by Falco. */
function eventName({ name, result }: TracedCall): string {
  return name === 'execveat' && result === 0n ? 'execve' : (EVENT_NAMES.get(name) ?? COMPAT_NAMES.get(name) ?? name)
}

function isNoCall({ name, result }: ToldEvent): boolean {
  return NO_CALL.has(name) || (CLONES.has(name) && result === 0n)
}

/** The name that the state has for the event's file, if strace found another. */
function wrongName(call: TracedCall, { fdNum, fdName, name }: ToldEvent): string | undefined {
  if (fdNum < 0 || fdName === undefined || name === 'close') return undefined
  const isNew = call.resultFile !== undefined && Number(call.result) === fdNum
  const shown = isNew ? [`${fdNum}<${call.resultFile}>`] : call.args
  const file = shown.map(item => tracedFd(item)).find(each => each?.num === fdNum)?.file
  if (file === undefined || !file.startsWith('/') || file.startsWith('/memfd:')) return undefined
  const path = file.replace(/<(?:char|block) \d+:\d+>$/, '').replace(/ ?\(deleted\)$/, '')
  // Bytes that cannot be printed are dots in names, as in Falco; links are not followed; each process has its own /proc/self.
  const printable = path.replaceAll(/[^ -~]/g, '.')
  if (printable === fdName || fdName.startsWith('/proc/self')) return undefined
  return realPath(fdName) === realPath(path) ? undefined : fdName
}

function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}
