/**
 * A file system that no longer answers, as a dead NFS server or a FUSE server of a workload: whatever programs have there, the agent starts
 * among them, judges what happens, knows the names, and ends.
 */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { liveSkipReason } from '../../src/events/live/testing.ts'
import { Running, rule, scratch, until, watch } from './running.ts'

const testdata = (name: string): string => fileURLToPath(new URL(`testdata/${name}`, import.meta.url))
const skip = {
  skip:
    liveSkipReason() || (process.getuid?.() !== 0 ? 'needs root' : existsSync('/dev/fuse') ? false : 'no /dev/fuse'),
}

interface Mounted {
  readonly server: Running
  readonly user: Running
  readonly mountpoint: string
}

async function mount(t: TestContext, folder: string): Promise<Mounted> {
  const mountpoint = join(folder, 'mnt')
  mkdirSync(mountpoint)
  const server = new Running(t, '/usr/bin/python3', ['-S', testdata('hanging-fuse.py'), mountpoint, '/bin/sleep'])
  await server.says('mounted')
  const there = ['-t', String(server.child.pid), '-m', '/usr/bin/python3', '-S']
  const user = new Running(t, 'nsenter', [...there, testdata('hanging-user.py'), mountpoint, folder])
  await user.says('ready')
  return { server, user, mountpoint }
}

async function tell(program: Running, line: string, answer: string): Promise<void> {
  program.child.stdin!.write(`${line}\n`)
  await program.says(answer)
}

test('a file system that does not answer, from before the start on', skip, async t => {
  const folder = scratch(t)
  const { server, user, mountpoint } = await mount(t, folder)
  await tell(server, 'all', 'all')
  await tell(user, 'begin', 'did begin')
  const rules =
    rule('made', `evt.type in (open, openat) and fd.name startswith ${folder}/made`, '%fd.name %proc.cwd') +
    rule('had', `evt.type in (dup, dup2, dup3) and fd.name startswith ${mountpoint}`, '%fd.name %proc.pid') +
    rule('never', 'evt.type = connect and fd.sip.name = never.example', 'o')
  const watcher = await watch(t, folder, rules)
  await watcher.says('probe attached')
  await tell(user, 'made-1', 'did made-1')
  await until('the first alert', () => watcher.alertsOf('made').length === 1)
  assert.equal(watcher.alertsOf('made')[0]?.output_fields['proc.cwd'], `${mountpoint}/`)
  await tell(user, 'receive', 'did receive')
  await until('the received one', () => watcher.alertsOf('had').length === 1)
  assert.equal(watcher.alertsOf('had')[0]?.output_fields['fd.name'], `${mountpoint}/it`)
  await tell(user, 'made-2', 'did made-2')
  await until('its alert', () => watcher.alertsOf('made').length === 2)
  await watcher.says('a file system that does not answer')
  watcher.child.kill('SIGTERM')
  await watcher.says('"lost_events":0')
  // Threads that wait for the file system go with it, and the process with them.
  server.child.kill('SIGKILL')
  await watcher.ended
  assert.equal(watcher.child.exitCode, 0)
})

/** Asks a name server for ever; its resolv.conf is on the file system. */
const ASKER = `
import socket, time
while True:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect(('127.0.0.1', 53))
        s.send(bytes.fromhex('123401000001000000000000056e65766572076578616d706c650000010001'))
    time.sleep(0.2)
`

test('files of containers that do not answer hold up neither the agent nor its end', skip, async t => {
  const folder = scratch(t)
  const { server, mountpoint } = await mount(t, folder)
  const bind = `mount --bind ${mountpoint}/it /etc/resolv.conf && echo bound && exec /usr/bin/python3 -S -c "$0"`
  for (let i = 0; i < 2; i++) {
    const there = ['-t', String(server.child.pid), '-m', 'unshare', '-m', 'sh', '-c', bind, ASKER]
    await new Running(t, 'nsenter', there).says('bound')
  }
  await tell(server, 'all', 'all')
  const rules =
    rule('made', `evt.type in (open, openat) and fd.name startswith ${folder}/made`, '%fd.name') +
    rule('never', 'evt.type = connect and fd.sip.name = never.example', 'o')
  const watcher = await watch(t, folder, rules)
  await watcher.says('are no longer read')
  writeFileSync(join(folder, 'made'), '')
  await until('its alert', () => watcher.alertsOf('made').length === 1)
  watcher.child.kill('SIGTERM')
  await until('its end, but for threads that the kernel keeps', () => hasEnded(watcher.child.pid!))
  server.child.kill('SIGKILL')
  await watcher.ended
  assert.equal(watcher.child.exitCode, 0)
})

function hasEnded(pid: number): boolean {
  try {
    return /^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return true
  }
}
