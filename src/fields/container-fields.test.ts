import { makeContext, makeThread, TEST_TS } from './testdata/make-context.ts'
import { testFields } from './testdata/read-field.ts'

const container = {
  id: '3ad7b26ded6d',
  fullId: '3ad7b26ded6d8e7b23da7d48fe889434573036c27ae5a74837233de441c3601e',
  name: 'wéb',
  type: 'docker',
  image: 'nginx:1.27',
  imageRepository: 'nginx',
  imageTag: '1.27',
  privileged: true,
  mounts: [
    { source: '/usr/share', dest: '/data', mode: 'ro', isReadWrite: false, propagation: 'private' },
    { source: '/var/run/docker.sock', dest: '/run/d.sock', mode: '', isReadWrite: true, propagation: 'rprivate' },
  ],
  labels: new Map([
    ['maintainer', 'me'],
    ['a.b/c', 'd'],
    ['empty', ''],
    ['io.kubernetes.pod.name', 'hidden'],
    ['annotation.x', 'hidden'],
  ]),
  podName: 'web-0',
  podNamespace: 'shop',
  podUid: 'uid-1',
  podSandboxId: 'ffffffffffffeeeeeeee',
  podLabels: new Map([['app', 'own']]),
}
const sandbox = {
  id: 'ffffffffffff',
  fullId: 'ffffffffffffeeeeeeee',
  ip: '10.1.2.3',
  cniJson: '{"eth0":{}}',
  podLabels: new Map([['app', 'shop']]),
}

const thread = makeThread({ tid: 5, containerId: container.id, pidnsInitStartTs: TEST_TS - 60n })
const inside = makeContext('close', {}, { thread, world: { containers: [container, sandbox] } })
const early = makeContext('close', {}, { thread })
const host = makeContext('close', {}, { thread: makeThread({ tid: 6 }), world: { containers: [container] } })
const nobody = makeContext('close')
const alone = makeContext('close', {}, { thread, world: { containers: [container] } })

testFields('container', [
  { name: 'id', in: inside, field: 'container.id', value: '3ad7b26ded6d' },
  { name: 'id of the host', in: host, field: 'container.id', value: 'host' },
  { name: 'id before an engine told more', in: early, field: 'container.id', value: '3ad7b26ded6d' },
  { name: 'no thread, no container', in: nobody, field: 'container.id', value: undefined },
  { name: 'full id', in: inside, field: 'container.full_id', value: container.fullId },
  { name: 'name in bytes', in: inside, field: 'container.name', value: 'w\xc3\xa9b', printed: 'wéb' },
  { name: 'name of the host', in: host, field: 'container.name', value: 'host' },
  { name: 'no name yet', in: early, field: 'container.name', value: undefined, printed: '<NA>' },
  { name: 'the host has an empty image', in: host, field: 'container.image.repository', value: '' },
  { name: 'image', in: inside, field: 'container.image.tag', value: '1.27' },
  { name: 'what the engine did not tell', in: inside, field: 'container.image.digest', value: undefined },
  { name: 'privileged', in: inside, field: 'container.privileged', value: true },
  { name: 'the host is not', in: host, field: 'container.privileged', value: false },
  {
    name: 'mounts',
    in: inside,
    field: 'container.mounts',
    value: '/usr/share:/data:ro:false:private,/var/run/docker.sock:/run/d.sock::true:rprivate',
  },
  {
    name: 'a mount by number',
    in: inside,
    field: 'container.mount[1]',
    value: '/var/run/docker.sock:/run/d.sock::true:rprivate',
  },
  { name: 'a mount by source', in: inside, field: 'container.mount.dest[/usr/share]', value: '/data' },
  { name: 'by a glob, which also matches slashes', in: inside, field: 'container.mount.mode[/usr*]', value: 'ro' },
  {
    name: 'the source by destination',
    in: inside,
    field: 'container.mount.source[/run/?.sock]',
    value: '/var/run/docker.sock',
  },
  { name: 'whether it may be written', in: inside, field: 'container.mount.rdwr[0]', value: 'false' },
  { name: 'a mount that is not there', in: inside, field: 'container.mount[/nope]', value: undefined },
  { name: 'a number beyond the last', in: inside, field: 'container.mount[2]', value: undefined },
  { name: 'a label', in: inside, field: 'container.label.maintainer', value: 'me' },
  { name: 'a label in brackets', in: inside, field: 'container.label[a.b/c]', value: 'd' },
  { name: 'a label that is not there', in: inside, field: 'container.label.nope', value: undefined },
  {
    name: 'all labels but those of engines',
    in: inside,
    field: 'container.labels',
    value: 'a.b/c:d, empty, maintainer:me',
  },
  { name: 'start', in: inside, field: 'container.start_ts', value: TEST_TS - 60n },
  { name: 'age', in: inside, field: 'container.duration', value: 60 },
  { name: 'an unknown start', in: host, field: 'container.start_ts', value: undefined },
  { name: 'fields kept for old rules are empty', in: inside, field: 'container.healthcheck', value: undefined },
])

testFields('k8s', [
  { name: 'pod', in: inside, field: 'k8s.pod.name', value: 'web-0' },
  { name: 'namespace', in: inside, field: 'k8s.ns.name', value: 'shop' },
  { name: 'the host is in no pod', in: host, field: 'k8s.pod.name', value: undefined },
  { name: 'no pod yet', in: early, field: 'k8s.pod.name', value: undefined },
  { name: 'id under its old name', in: inside, field: 'k8s.pod.id', value: 'uid-1' },
  { name: 'sandbox', in: inside, field: 'k8s.pod.sandbox_id', value: 'ffffffffffff' },
  { name: 'address is that of the sandbox', in: inside, field: 'k8s.pod.ip', value: '10.1.2.3' },
  { name: 'network set-up too', in: inside, field: 'k8s.pod.cni.json', value: '{"eth0":{}}' },
  { name: 'labels are those of the sandbox', in: inside, field: 'k8s.pod.label.app', value: 'shop' },
  { name: 'all of them', in: inside, field: 'k8s.pod.labels', value: 'app:shop' },
  { name: 'or its own, where the sandbox is not known', in: alone, field: 'k8s.pod.label[app]', value: 'own' },
  { name: 'fields kept for old rules are empty', in: inside, field: 'k8s.svc.name', value: undefined },
  { name: 'the cluster is not asked yet', in: inside, field: 'k8smeta.pod.name', value: undefined },
])
