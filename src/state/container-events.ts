import { paramText, paramUint32 } from '../events/decode-record.ts'
import { ownEventData, ownEventName } from '../events/own-event.ts'
import { renderText } from '../values/text.ts'
import type { ByteText } from '../values/value.ts'
import type { Container, ContainerMount } from './container.ts'
import type { HandlerTable } from './event-handlers.ts'

/** Containers, users and groups that the capture tells of. */
export const containerHandlers: HandlerTable = {
  container(state, rec) {
    const json = paramText(rec, 0) ?? ''
    const container = parseContainer(json)
    if (container !== undefined) state.addContainer(container, json.length)
  },
  asyncevent(state, rec) {
    const own = ownEventName(rec)
    if (own !== undefined) {
      // Unlike others these are of a thread.
      const thread = state.threads.get(rec.tid)
      state.current.thread = thread
      if (own === 'tiercel_namespaces') state.setNamespaces(thread, rec.tid, ownEventData(rec))
      return
    }
    const kind = paramText(rec, 1)
    if (kind !== 'container' && kind !== 'container_removed') return
    const json = paramText(rec, 2) ?? ''
    const container = parseContainer(json)
    if (container === undefined) return
    if (kind === 'container') state.addContainer(container, json.length)
    else state.removeContainer(container.id)
  },
  useradded(state, rec) {
    state.addUser(paramText(rec, 5) ?? '', {
      uid: paramUint32(rec, 0) ?? 0,
      gid: paramUint32(rec, 1) ?? 0,
      name: paramText(rec, 2) ?? '',
      home: paramText(rec, 3) ?? '',
      shell: paramText(rec, 4) ?? '',
    })
  },
  userdeleted: (state, rec) => state.removeUser(paramText(rec, 5) ?? '', paramUint32(rec, 0) ?? 0),
  groupadded(state, rec) {
    state.addGroup(paramText(rec, 2) ?? '', { gid: paramUint32(rec, 0) ?? 0, name: paramText(rec, 1) ?? '' })
  },
  groupdeleted: (state, rec) => state.removeGroup(paramText(rec, 2) ?? '', paramUint32(rec, 0) ?? 0),
}

/** Container types of Falco's container events, by number. */
const TYPES: ReadonlyMap<number, string> = new Map([
  [0, 'docker'],
  [1, 'lxc'],
  [2, 'libvirt_lxc'],
  [3, 'mesos'],
  [4, 'rkt'],
  [6, 'cri'],
  [7, 'containerd'],
  [8, 'cri-o'],
  [9, 'bpm'],
  [10, 'static'],
  [11, 'podman'],
])

const MAX_ITEMS = 1024

/** A container event's JSON, `{"container": {…}}`; undefined when it is not one. */
export function parseContainer(json: ByteText): Container | undefined {
  let parsed: unknown
  try {
    parsed = JSON.parse(renderText(json))
  } catch {
    return undefined
  }
  const c = objectOf(objectOf(parsed)?.['container'])
  if (c === undefined) return undefined
  const id = textOf(c['id'])
  if (id === undefined || id === '') return undefined
  const type = typeof c['type'] === 'number' ? TYPES.get(c['type']) : textOf(c['type'])
  const labels = textMap(c['labels'])
  const mounts = Array.isArray(c['Mounts']) ? c['Mounts'].slice(0, MAX_ITEMS).map(mountOf) : undefined
  const created = numberOf(c['created_time'])
  return {
    id,
    fullId: textOf(c['full_id']) ?? id,
    ...optional('name', textOf(c['name'])),
    ...optional('image', textOf(c['image'])),
    ...optional('imageId', textOf(c['imageid'])),
    ...optional('imageRepository', textOf(c['imagerepo'])),
    ...optional('imageTag', textOf(c['imagetag'])),
    ...optional('imageDigest', textOf(c['imagedigest'])),
    ...optional('type', type),
    ...optional('ip', textOf(c['ip'])),
    ...optional('cniJson', textOf(c['cni_json'])),
    ...optional('privileged', boolOf(c['privileged'])),
    ...optional('hostPid', boolOf(c['host_pid'])),
    ...optional('hostNetwork', boolOf(c['host_network'])),
    ...optional('hostIpc', boolOf(c['host_ipc'])),
    ...optional('createdTsNs', created === undefined ? undefined : BigInt(Math.trunc(created)) * 1_000_000_000n),
    ...optional('mounts', mounts),
    ...optional('labels', labels),
    ...optional('podSandboxId', textOf(c['pod_sandbox_id'])),
    ...optional('podName', labels?.get('io.kubernetes.pod.name')),
    ...optional('podNamespace', labels?.get('io.kubernetes.pod.namespace')),
    ...optional('podUid', labels?.get('io.kubernetes.pod.uid')),
    ...optional('podLabels', textMap(c['pod_sandbox_labels'])),
  }
}

function optional<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]?: V })
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : undefined
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function boolOf(value: unknown): boolean | undefined {
  return typeof value === 'boolean' ? value : undefined
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}

function textMap(value: unknown): ReadonlyMap<string, string> | undefined {
  const object = objectOf(value)
  if (object === undefined) return undefined
  const map = new Map<string, string>()
  for (const [key, item] of Object.entries(object)) {
    if (map.size >= MAX_ITEMS) break
    if (typeof item === 'string') map.set(key, item)
  }
  return map
}

function mountOf(value: unknown): ContainerMount {
  const mount = objectOf(value) ?? {}
  return {
    source: textOf(mount['Source']) ?? '',
    dest: textOf(mount['Destination']) ?? '',
    mode: textOf(mount['Mode']) ?? '',
    isReadWrite: boolOf(mount['RW']) ?? false,
    propagation: textOf(mount['Propagation']) ?? '',
  }
}
