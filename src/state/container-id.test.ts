import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CgroupCache, containerOfCgroups } from './container-id.ts'

const ID = '0123456789abcdef'.repeat(4)

const POD = 'pod63b3ebfc_2890_11e9_8154_16bf8ef8d9dc'
const SHORT = ID.slice(0, 12)

/** Paths of control groups: which container Falco’s container plugin finds in each, but where `docs/compatibility-state.md` has it otherwise. */
const paths: readonly (readonly [path: string, id: string, type?: string])[] = [
  ['/', ''],
  ['/user.slice/user-0.slice/session-3.scope', ''],
  ['/user.slice/user-1000.slice/user@1000.service/init.scope', ''],
  ['/system.slice/cron.service', ''],
  ['/init.scope', ''],
  // Docker
  [`/docker/${ID}`, SHORT],
  [`/docker/${ID.toUpperCase()}`, SHORT.toUpperCase()],
  [`/system.slice/docker-${ID}.scope`, SHORT],
  [`/docker-${ID}.scope`, SHORT],
  [`/xdocker-${ID}.scope`, ''],
  [`/system.slice/docker-${ID.slice(1)}.scope`, ''],
  [`/actions_job/${ID}`, SHORT],
  // systemd in a container, Docker in Docker
  [`/system.slice/docker-${ID}.scope/system.slice/cron.service`, SHORT],
  [`/system.slice/docker-${ID}.scope/init.scope`, SHORT],
  [`/docker/${ID}/init.scope`, SHORT],
  [`/docker/${'1'.repeat(64)}/docker/${ID}`, SHORT],
  [`/docker/${'1'.repeat(64)}/kubelet/kubepods/burstable/${POD}/${ID}`, SHORT],
  // Kubernetes: containerd, CRI-O, cri-dockerd
  [`/kubepods/burstable/${POD}/${ID}`, SHORT],
  [`/kubepods/besteffort/${POD}/crio-${ID}`, SHORT],
  [`/kubepods.slice/kubepods-${POD}.slice/cri-containerd-${ID}.scope`, SHORT],
  [`/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-${POD}.slice/crio-${ID}.scope`, SHORT],
  [`/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-${POD}.slice/crio-conmon-${ID}.scope`, ''],
  [`/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-${POD}.slice/docker-${ID}.scope`, SHORT],
  [`/kubepods-burstable-${POD}.slice:cri-containerd:${ID}`, SHORT],
  [`/system.slice/containerd.service/kubepods-burstable-${POD}.slice:cri-containerd:${ID}`, SHORT],
  // containerd
  [`/system.slice/nerdctl-${ID}.scope`, SHORT],
  [`/default/${ID}`, SHORT],
  ['/default/web', 'web'],
  ['/my_long-namespace.5/test_container', 'test_contain'],
  ['/k8s.io/my-test_container', 'my-test_cont'],
  ['/default/a.service', ''],
  ['/default/slice.web', 'slice.web'],
  [`/default/${'n'.repeat(64)}`, 'n'.repeat(12)],
  [`/default/${'n'.repeat(65)}`, ''],
  ['/default/', ''],
  ['/default', ''],
  [`/docker/${ID.slice(1)}`, ID.slice(1, 13)],
  ['/garden/3f1a2b4c-1d2e', '3f1a2b4c-1d2'],
  ['/system.slice/systemd-udevd.service/udev', ''],
  ['/machine.slice/systemd-nspawn@web.service/payload', ''],
  ['/machine.slice/machine-web.scope', ''],
  // Podman
  [`/machine.slice/libpod-${ID}.scope`, SHORT],
  [`/machine.slice/libpod-${ID}.scope/container`, SHORT],
  [`/machine.slice/libpod-${ID}.scope/container/system.slice/nginx.service`, SHORT],
  [`/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-${ID}.scope/container`, SHORT],
  [`/libpod_parent/libpod-${ID}`, SHORT],
  [`/user.slice/user-1000.slice/user@1000.service/app.slice/web.service/libpod-payload-${ID}`, SHORT],
  ['/user.slice/user-1000.slice/user@1000.service/app.slice/web.service/runtime', ''],
  [`/machine.slice/libpod-conmon-${ID}.scope`, ''],
  [`/libpod_parent/libpod-${ID}g`, ''],
  // LXC, libvirt, BPM
  ['/lxc.payload.a-long-name-of-web', 'a-long-name-of-web', 'lxc'],
  ['/lxc.payload.web/init', 'web', 'lxc'],
  ['/lxc.payload/web/system.slice/cron.service', 'web', 'lxc'],
  ['/lxc/web', 'web', 'lxc'],
  ['/lxc.monitor.web', ''],
  ['/system.slice/lxc.service', ''],
  ['/machine/web.libvirt-lxc', 'web', 'libvirt_lxc'],
  ['/libvirt/lxc/web', 'web', 'libvirt_lxc'],
  [
    String.raw`/machine.slice/machine-lxc\x2d2293906\x2dlibvirt\x2dweb.scope`,
    String.raw`2293906\x2dlibvirt\x2dweb`,
    'libvirt_lxc',
  ],
  [String.raw`/machine.slice/machine-lxc\x2d22\x2dweb.scope/libvirt`, String.raw`22\x2dweb`, 'libvirt_lxc'],
  ['/system.slice/runc-bpm-nats.scope', 'nats', 'bpm'],
  ['/bpm-galera-agent', 'galera-agent', 'bpm'],
]

for (const [path, id, type] of paths) {
  test(`containerOfCgroups: ${path}`, () => {
    assert.deepEqual(
      containerOfCgroups([`cpu=${path}`, 'cpuacct=/', `memory=${path}`]),
      id === '' ? undefined : { id, ...(type !== undefined && { type }) },
    )
  })
}

test('the first control group that names a container counts', () =>
  assert.deepEqual(containerOfCgroups(['cpuset=/', 'cpu=/a/b', 'io=/a/b', `memory=/docker/${ID}`]), { id: 'b' }))

test('a path of one controller alone, without an id of 64 digits, is no container', () =>
  assert.equal(containerOfCgroups(['cpuset=/', 'cpu=/', 'cpuacct=/', 'io=/', 'memory=/limited/group-1']), undefined))

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
  assert.equal(cgroups.container?.id, SHORT)
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
