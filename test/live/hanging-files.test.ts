/**
 * A file system that no longer answers, as a dead NFS server or a FUSE server of a workload: whatever programs have there, the agent starts
 * among them, judges what happens, knows the names, and ends.
 */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync } from 'node:fs'
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
