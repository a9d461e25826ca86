import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { test } from 'node:test'
import { type SeenEvent, liveSkipReason, watch } from './testing.ts'
import { stateCalls, wantAll } from './wanted-calls.ts'

const skip = liveSkipReason()

/** Runs a program to its end; gives what it printed. */
async function run(file: string, args: readonly string[]): Promise<string> {
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.on('data', data => (output += String(data)))
  await once(child, 'close')
  return output
}

const isClone = (event: SeenEvent): boolean => ['clone', 'clone3', 'fork', 'vfork'].includes(event.name)

test('a storm of forks, threads and a deep tree are told, each with its parent', { skip }, async () => {
  let output = ''
  const seen = await watch({ wanted: stateCalls }, async () => {
    output = await run('/usr/bin/python3', ['-S', fileURLToPath(new URL('./testdata/threads.py', import.meta.url))])
  })
  const used = JSON.parse(output) as { pid: number; children: number[]; threads: number[] }
  const born = new Map(seen.filter(e => isClone(e) && e.args['res'] === 0).map(e => [e.tid, e.args]))
  const ended = new Map(seen.filter(e => e.name === 'procexit').map(e => [e.tid, e.args]))
  for (const pid of used.children) {
    assert.equal(born.get(pid)?.['ptid'], used.pid)
    assert.equal(born.get(pid)?.['pid'], pid)
    assert.equal(ended.get(pid)?.['ret'], 7)
  }
  for (const tid of used.threads) {
    assert.equal(born.get(tid)?.['pid'], used.pid)
    assert.match(String(born.get(tid)?.['flags']), /CLONE_THREAD/)
    assert.ok(ended.has(tid))
  }
  // The chain: from the deepest process up to the program, forty steps.
  const parents = new Map([...born].map(([tid, args]) => [tid, Number(args['ptid'])]))
  let longest = 0
  for (const start of parents.keys()) {
    let depth = 0
    for (let at: number | undefined = start; at !== undefined && at !== used.pid && depth < 100; at = parents.get(at))
      depth++
    if (depth < 100) longest = Math.max(longest, depth)
  }
  assert.ok(longest >= 40, `deepest chain ${longest}`)
})

test('a process in a pid namespace has its ids of both sides', { skip }, async t => {
  let output = ''
  const seen = await watch({ wanted: stateCalls }, async () => {
    output = await run('/usr/bin/unshare', [
      '--pid',
      '--fork',
      '--mount-proc',
      '/bin/sh',
      '-c',
      'echo $$; /bin/true; true',
    ])
  })
  if (output === '') {
    t.skip('unshare may not make namespaces here')
    return
  }
  assert.equal(output.trim(), '1')
  const first = seen.find(e => isClone(e) && e.args['res'] === 0 && e.args['vpid'] === 1)
  assert.ok(first)
  assert.equal(first.args['pid'], first.tid)
  assert.match(String(first.args['flags']), /CLONE_CHILD_IN_PIDNS/)
  assert.ok(Number(first.args['pidns_init_start_ts']) > 0)
  const executed = seen.find(e => e.name === 'execve' && e.tid === first.tid && e.args['res'] === 0)
  assert.equal(executed?.args['comm'], 'sh')
  assert.ok(seen.some(e => e.name === 'unshare' && e.args['flags'] === 'CLONE_NEWPID|CLONE_NEWNS'))
})

test('children of a process that ends are told who takes them', { skip }, async () => {
  const script =
    'import os,time\nif os.fork()==0:\n  pid=os.fork()\n  if pid==0:\n    time.sleep(0.3)\n    os._exit(0)\n  os._exit(5)\nos.wait()\ntime.sleep(0.5)\nprint(os.getppid())'
  let parent = 0
  const seen = await watch({ wanted: stateCalls }, async () => {
    parent = Number(await run('/usr/bin/python3', ['-S', '-c', script]))
  })
  assert.equal(parent, process.pid)
  const ended = seen.find(e => e.name === 'procexit' && e.args['ret'] === 5)
  assert.ok(Number(ended?.args['reaper_tid']) > 0, JSON.stringify(ended?.args))
})

test('calls without an event of their own are told by their number and name', { skip }, async () => {
  const seen = await watch({ wanted: wantAll(['getppid', 'sysinfo', 'uname']) }, async () => {
    await run('/usr/bin/python3', ['-S', '-c', 'import os; os.getppid(); os.uname()'])
  })
  const told = seen.filter(e => e.name === 'syscall').map(e => `${String(e.args['ID'])} ${String(e.args['nativeID'])}`)
  assert.ok(told.includes('getppid 110'), told.join('\n'))
  assert.ok(told.includes('uname 63'))
})
