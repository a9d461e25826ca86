import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeEvent, le } from '../events/encode-event.ts'
import { Accounts } from './accounts.ts'
import type { Container } from './container.ts'
import { parseContainer } from './container-events.ts'
import { ContainerTable } from './container-table.ts'
import { infoOf, TestHost } from './testdata/test-host.ts'

const json = (container: unknown): string => JSON.stringify({ container })

const parsed: readonly { readonly name: string; readonly text: string; readonly want: Container | undefined }[] = [
  {
    name: 'an id is enough',
    text: json({ id: 'abc' }),
    want: { id: 'abc', fullId: 'abc' },
  },
  {
    name: 'a container as Falco’s plugin tells of it',
    text: json({
      id: '0123456789ab',
      full_id: '0123456789ab'.repeat(5),
      type: 0,
      name: 'web',
      image: 'nginx:1',
      imageid: 'sha',
      imagerepo: 'nginx',
      imagetag: '1',
      imagedigest: 'sha256:1',
      ip: '172.17.0.2',
      cni_json: '{}',
      privileged: true,
      host_pid: false,
      host_network: true,
      host_ipc: false,
      created_time: 1_730_971_086,
      labels: { app: 'web', n: 5 },
      Mounts: [{ Source: '/a', Destination: '/b', Mode: 'z', RW: true, Propagation: 'rprivate' }],
      pod_sandbox_id: 'pod',
      pod_sandbox_labels: null,
    }),
    want: {
      id: '0123456789ab',
      fullId: '0123456789ab'.repeat(5),
      type: 'docker',
      name: 'web',
      image: 'nginx:1',
      imageId: 'sha',
      imageRepository: 'nginx',
      imageTag: '1',
      imageDigest: 'sha256:1',
      ip: '172.17.0.2',
      cniJson: '{}',
      privileged: true,
      hostPid: false,
      hostNetwork: true,
      hostIpc: false,
      createdTsNs: 1_730_971_086_000_000_000n,
      labels: new Map([['app', 'web']]),
      mounts: [{ source: '/a', dest: '/b', mode: 'z', isReadWrite: true, propagation: 'rprivate' }],
      podSandboxId: 'pod',
    },
  },
  {
    name: 'a pod is known by its labels',
    text: json({
      id: 'abc',
      labels: {
        'io.kubernetes.pod.name': 'p',
        'io.kubernetes.pod.namespace': 'n',
        'io.kubernetes.pod.uid': 'u',
      },
      pod_sandbox_labels: { app: 'x' },
    }),
    want: {
      id: 'abc',
      fullId: 'abc',
      labels: new Map([
        ['io.kubernetes.pod.name', 'p'],
        ['io.kubernetes.pod.namespace', 'n'],
        ['io.kubernetes.pod.uid', 'u'],
      ]),
      podName: 'p',
      podNamespace: 'n',
      podUid: 'u',
      podLabels: new Map([['app', 'x']]),
    },
  },
  {
    name: 'an id is as long as the engine has it',
    text: json({ id: 'a-long-name-of-web', type: 1 }),
    want: { id: 'a-long-name-of-web', fullId: 'a-long-name-of-web', type: 'lxc' },
  },
  { name: 'a type in words', text: json({ id: 'a', type: 'cri' }), want: { id: 'a', fullId: 'a', type: 'cri' } },
  { name: 'a type that is not known', text: json({ id: 'a', type: 99 }), want: { id: 'a', fullId: 'a' } },
  {
    name: 'members of the wrong kind are left out',
    text: json({ id: 'a', name: 5, privileged: 'yes', labels: [1], Mounts: {}, created_time: 'now', ip: null }),
    want: { id: 'a', fullId: 'a' },
  },
  {
    name: 'mounts that are none have empty members',
    text: json({ id: 'a', Mounts: [null, 5, { RW: 1 }] }),
    want: {
      id: 'a',
      fullId: 'a',
      mounts: Array(3).fill({ source: '', dest: '', mode: '', isReadWrite: false, propagation: '' }),
    },
  },
  {
    name: 'names of JavaScript’s own are names',
    text: '{"container":{"id":"a","labels":{"__proto__":"x","constructor":"y"}}}',
    want: {
      id: 'a',
      fullId: 'a',
      labels: new Map([
        ['__proto__', 'x'],
        ['constructor', 'y'],
      ]),
    },
  },
  {
    name: 'a time beyond all sense is a number',
    text: '{"container":{"id":"a","created_time":1e300}}',
    want: { id: 'a', fullId: 'a', createdTsNs: BigInt(1e300) * 1_000_000_000n },
  },
  { name: 'no id', text: json({ name: 'x' }), want: undefined },
  { name: 'an empty id', text: json({ id: '' }), want: undefined },
  { name: 'an id that is no text', text: json({ id: 12 }), want: undefined },
  { name: 'no container', text: '{}', want: undefined },
  { name: 'a list', text: '[]', want: undefined },
  { name: 'null', text: 'null', want: undefined },
  { name: 'a container that is a list', text: json([]), want: undefined },
  { name: 'half of it', text: '{"container":{"id":"a"', want: undefined },
  { name: 'nothing', text: '', want: undefined },
  { name: 'ten thousand brackets', text: '['.repeat(10_000), want: undefined },
  { name: 'bytes that are no text', text: '\xff\xfe\0', want: undefined },
]

for (const c of parsed) {
  test(`parseContainer: ${c.name}`, () => assert.deepEqual(parseContainer(c.text), c.want))
}

test('a container’s labels and mounts are bounded', () => {
  const labels = Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`l${i}`, 'x']))
  const container = parseContainer(json({ id: 'a', labels, Mounts: Array(2000).fill({}) }))
  assert.equal(container?.labels?.size, 1024)
  assert.equal(container?.mounts?.length, 1024)
})

/** An async event: its data are bytes with a NUL behind them. */
const asyncEvent = (host: TestHost, name: string, data: string): unknown =>
  host.emit('asyncevent', { plugin_id: 0, name, data: Buffer.from(`${data}\0`) })

test('containers come with container events and async events, and go with container_removed', () => {
  const host = new TestHost()
  host.emit('container', { json: json({ id: 'one', name: 'first' }) })
  asyncEvent(host, 'container', json({ id: 'two' }))
  asyncEvent(host, 'other', json({ id: 'three' }))
  asyncEvent(host, 'container', 'no JSON')
  host.emit('container', { json: json({ id: 'one', name: 'again' }) })
  assert.deepEqual([...host.state.containers.keys()].sort(), ['one', 'two'])
  assert.equal(host.state.container('one')?.name, 'again')
  host.emit('useradded', { uid: 5, gid: 6, name: 'u', home: '/', shell: '', container_id: 'two' })
  asyncEvent(host, 'container_removed', json({ id: 'two' }))
  asyncEvent(host, 'container_removed', json({ id: 'nine' }))
  assert.deepEqual([...host.state.containers.keys()], ['one'])
  assert.equal(host.state.user('two', 5), undefined)
  assert.deepEqual([host.state.counters().users, host.state.counters().containers], [0, 1])
})

test('users and groups come and go, the host’s and those of containers apart', () => {
  const host = new TestHost()
  host.state.addUser('', { uid: 5, gid: 6, name: 'host', home: '/h', shell: '/s' })
  host.emit('useradded', { uid: 5, gid: 6, name: 'inside', home: '/h', shell: '/s', container_id: 'c' })
  host.emit('groupadded', { gid: 6, name: 'g', container_id: 'c' })
  assert.equal(host.state.user('', 5)?.name, 'host')
  assert.deepEqual(host.state.user('c', 5), { uid: 5, gid: 6, name: 'inside', home: '/h', shell: '/s' })
  assert.equal(host.state.group('c', 6)?.name, 'g')
  assert.equal(host.state.group('', 6), undefined)
  host.emit('userdeleted', { uid: 5, gid: 6, name: '', home: '', shell: '', container_id: 'c' })
  host.emit('groupdeleted', { gid: 6, name: '', container_id: 'c' })
  host.emit('groupdeleted', { gid: 6, name: '', container_id: 'c' })
  assert.equal(host.state.user('c', 5), undefined)
  assert.equal(host.state.group('c', 6), undefined)
  assert.deepEqual([host.state.counters().users, host.state.counters().groups], [1, 0])
})

test('events without a thread touch none', () => {
  const host = new TestHost()
  const bytes = encodeEvent(infoOf('container').code, [Buffer.from('{}\0')], { tid: 5, ts: 1n })
  const current = host.applyBytes(bytes)
  assert.equal(current.thread, undefined)
  assert.equal(current.fdNum, undefined)
  assert.equal(host.state.threads.size, 0)
  host.applyBytes(encodeEvent(infoOf('useradded').code, [le(4, 1)], { tid: 5, ts: 1n }))
  assert.equal(host.state.user('', 1)?.name, '')
})

test('too many containers: the one told of longest ago goes, its users with it', () => {
  const host = new TestHost({ maxContainers: 2 })
  for (const id of ['a', 'b']) host.emit('container', { json: json({ id }) })
  host.emit('useradded', { uid: 1, gid: 1, name: 'u', home: '', shell: '', container_id: 'b' })
  host.emit('container', { json: json({ id: 'a' }) })
  host.emit('container', { json: json({ id: 'c' }) })
  assert.deepEqual([...host.state.containers.keys()], ['a', 'c'])
  assert.equal(host.state.user('b', 1), undefined)
  assert.equal(host.state.counters().droppedContainers, 1)
})

test('containers are bounded by what is told of them, too', () => {
  const table = new ContainerTable({ maxText: 100 })
  const one = (id: string): Container => ({ id, fullId: id })
  assert.deepEqual(table.add(one('a'), 60), [])
  assert.deepEqual(table.add(one('a'), 70), [])
  assert.equal(table.textSize, 70)
  assert.deepEqual(table.add(one('b'), 40), ['a'])
  assert.deepEqual(table.add(one('b'), 200), ['b'], 'one that is too long is not kept, nor what it was before')
  assert.deepEqual([...table.byId.keys()], [])
  assert.equal(table.textSize, 0)
  assert.equal(table.dropped, 2)
  table.add(one('c'), 1)
  table.clear()
  assert.equal(table.textSize, 0)
})

test('accounts are bounded, by number and by their texts', () => {
  const accounts = new Accounts<{ name: string }>(2)
  accounts.set('', 1, { name: 'a' })
  accounts.set('c', 1, { name: 'b' })
  accounts.set('', 2, { name: 'c' })
  assert.equal(accounts.get('', 2), undefined)
  accounts.set('', 1, { name: 'new' })
  assert.equal(accounts.get('', 1)?.name, 'new')
  accounts.set('', 1, { name: 'x'.repeat(20_000) })
  assert.equal(accounts.get('', 1)?.name, 'new')
  assert.deepEqual([accounts.count, accounts.dropped], [2, 2])
  accounts.deleteContainer('c')
  accounts.delete('', 7)
  assert.equal(accounts.count, 1)
  accounts.delete('', 1)
  assert.equal(accounts.count, 0)
  accounts.set('', 2, { name: 'c' })
  accounts.clear()
  assert.deepEqual([accounts.count, accounts.get('', 2)], [0, undefined])
})
