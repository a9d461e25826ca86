import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CgroupCache, containerIdOf } from './container-id.ts'

const ID = '0123456789abcdef'.repeat(4)

const cases = [
  { name: 'the host has none', cgroups: ['cpu=/user.slice/user-0.slice'], want: '' },
  { name: 'docker with cgroupfs', cgroups: [`cpu=/docker/${ID}`], want: ID },
  { name: 'docker with systemd', cgroups: [`cpu=/system.slice/docker-${ID}.scope`], want: ID },
  { name: 'containerd under kubepods', cgroups: [`cpu=/kubepods/burstable/pod1/${ID}`], want: ID },
  { name: 'cri-containerd scope', cgroups: [`cpu=/kubepods.slice/pod1.slice/cri-containerd-${ID}.scope`], want: ID },
  { name: 'cri-o scope', cgroups: [`cpu=/kubepods.slice/pod1.slice/crio-${ID}.scope`], want: ID },
  { name: 'podman scope', cgroups: [`cpu=/machine.slice/libpod-${ID}.scope/container`], want: ID },
  { name: 'the first cgroup that names one counts', cgroups: ['cpu=/', `memory=/docker/${ID}`], want: ID },
  { name: 'lxc by its name', cgroups: ['cpu=/lxc.payload.web/init'], want: 'web' },
  { name: '63 digits are no id', cgroups: [`cpu=/docker/${ID.slice(1)}`], want: '' },
  { name: 'upper case is no id', cgroups: [`cpu=/docker/${ID.toUpperCase()}`], want: '' },
  { name: 'the prefix must be whole', cgroups: [`cpu=/xdocker-${ID}.scope`], want: '' },
] as const

for (const c of cases) {
  test(`containerIdOf: ${c.name}`, () => assert.equal(containerIdOf(c.cgroups), c.want))
}

const lists = [
  { name: 'nothing', text: '', want: [] },
  { name: 'one item', text: 'cpu=/\0', want: ['cpu=/'] },
  { name: 'the last NUL may be missing', text: 'cpu=/a\0memory=/b', want: ['cpu=/a', 'memory=/b'] },
  { name: 'empty items are items', text: '\0\0', want: ['', ''] },
] as const

for (const c of lists) {
  test(`CgroupCache: ${c.name}`, () => assert.deepEqual(new CgroupCache().lookup(c.text).list, c.want))
}

test('the same cgroups are the same object', () => {
  const cache = new CgroupCache()
  const cgroups = cache.lookup(`cpu=/docker/${ID}\0`)
  assert.equal(cgroups.containerId, ID)
  assert.equal(cgroups.shortContainerId, ID.slice(0, 12))
  assert.equal(cache.lookup(`cpu=/docker/${ID}\0`), cgroups)
})

test('the cache stays small, and long texts are not in it', () => {
  const cache = new CgroupCache()
  for (let i = 0; i < 10_000; i++) cache.lookup(`cpu=/${i}\0`)
  assert.ok(cache.size <= 4096)
  const before = cache.size
  cache.lookup('x'.repeat(5000))
  assert.equal(cache.size, before)
})
