import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { EVENT_HEADER_BYTES } from '../decode-record.ts'
import { addonPath, isOlderKernel, loadAddon, readCpuCount } from './native-addon.ts'
import { liveSkipReason } from './testing.ts'
import { SYSCALL_LIMIT, stateCalls, syscallNumber } from './wanted-calls.ts'

const releases = [
  { name: 'older minor', release: '5.15.0-91-generic', want: true },
  { name: 'the same', release: '5.17.0', want: false },
  { name: 'newer major, smaller minor', release: '6.1.0-18-amd64', want: false },
  { name: 'older major, greater minor', release: '4.18.0-553.el8', want: true },
  { name: 'nonsense', release: 'unknown', want: false },
] as const

for (const c of releases) test(`isOlderKernel: ${c.name}`, () => assert.equal(isOlderKernel(c.release, 5, 17), c.want))

test('CPUs: those that may be there, else those that are', t => {
  const folder = mkdtempSync(join(tmpdir(), 'tiercel-cpus-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const possible = join(folder, 'possible')
  for (const [text, want] of [
    ['0-127\n', 128],
    ['0\n', 1],
    ['0-1,4-5\n', 6],
    ['', cpus().length],
  ] as const) {
    writeFileSync(possible, text)
    assert.equal(readCpuCount(possible), want, text)
  }
  assert.equal(readCpuCount(join(folder, 'nothing')), cpus().length)
})

const isBuilt = process.platform === 'linux' && existsSync(addonPath())
const skip = isBuilt ? false : 'the native addon is not built (sh scripts/setup-native.sh)'

test('the layout of a record is the same on both sides', { skip }, () => {
  const layout = loadAddon().layout()
  assert.deepEqual(layout, {
    prefixBytes: 8,
    headerBytes: EVENT_HEADER_BYTES,
    cpuAt: 0,
    lostAt: 2,
    kindAt: 4,
    tsAt: 0,
    tidAt: 8,
    lenAt: 16,
    typeAt: 20,
    paramCountAt: 22,
    syscallLimit: SYSCALL_LIMIT,
  })
})

test('every call that the state needs has an event of its own', { skip }, () => {
  const supported = loadAddon().supported()
  const generic = [...stateCalls.keys()].filter(name => supported[syscallNumber(name) ?? -1] === 0)
  assert.deepEqual(generic, [])
})

test('what is no addon is refused with a reason', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tiercel-addon-'))
  try {
    const file = join(folder, 'addon.node')
    writeFileSync(file, 'no shared object')
    assert.throws(() => loadAddon(file), /does not load|are there for|need Linux/)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

/** What this process has open of BPF: programs, maps, links. */
function bpfFiles(): number {
  const targets = readdirSync('/proc/self/fd').map(fd => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`)
    } catch {
      return ''
    }
  })
  return targets.filter(target => /bpf/.test(target)).length
}

const rings = [
  { name: 'the same size', ringBytes: 65536 },
  { name: 'another size', ringBytes: 131072 },
] as const

for (const { name, ringBytes } of rings) {
  test(`a probe that was loaded early is opened with a ring of ${name}, and nothing stays`, {
    skip: liveSkipReason(),
  }, () => {
    const addon = loadAddon()
    const before = bpfFiles()
    const cpuCount = readCpuCount()
    addon.loadEarly({ ringBytes: 65536, cpuCount })
    const { handle, data } = addon.open({
      ringBytes,
      cpuCount,
      snapBytes: 80,
      namesSnapBytes: 80,
      genericIds: new Uint16Array(SYSCALL_LIMIT),
    })
    assert.equal(data.byteLength, ringBytes)
    assert.equal(addon.beat(handle), true)
    addon.close(handle)
    assert.equal(bpfFiles(), before)
  })
}
