import type { Container, ContainerMount } from '../state/container.ts'
import type { EventContext } from '../state/event-context.ts'
import { compileGlob } from '../values/glob.ts'
import { toByteText } from '../values/text.ts'
import type { ByteText, Value, ValueType } from '../values/value.ts'
import { parseLabelKey } from './arg-syntax.ts'
import type { Field, Reader } from './field.ts'
import { toScalar } from './integers.ts'

/*
 * Containers as Falco's container plugin tells them. The id comes from the cgroups; all else from what a container engine said, which
 * in a capture is a container event. A process of the host is in a container called `host`.
 */

/** What is known of the container of the event's thread. */
export function containerOf(ctx: EventContext): Container | undefined {
  const { thread } = ctx
  return thread === undefined ? undefined : ctx.machine.container(thread.containerId)
}

/** A text of the container as bytes. */
export function containerText(text: string | undefined): ByteText | undefined {
  return text === undefined ? undefined : toByteText(text)
}

const LATE = 'No value until the metadata of the container is known.'

function ofContainer(
  name: string,
  type: ValueType,
  doc: string,
  read: (container: Container) => Value | undefined,
  more: Partial<Field> = {},
): Field {
  return {
    name,
    group: 'container',
    type,
    arg: 'none',
    doc,
    ...more,
    bind: () => ctx => {
      const container = containerOf(ctx)
      return container === undefined ? undefined : read(container)
    },
  }
}

function text(
  name: string,
  doc: string,
  read: (container: Container) => string | undefined,
  more?: Partial<Field>,
): Field {
  return ofContainer(name, 'CHARBUF', `${doc} ${LATE}`, container => containerText(read(container)), more)
}

function flag(name: string, doc: string, read: (container: Container) => boolean | undefined): Field {
  return ofContainer(name, 'BOOL', `${doc} ${LATE}`, read)
}

/** A field that Falco keeps only so that old rules load. */
export function emptyField(name: string, group: string, type: ValueType, more: Partial<Field> = {}): Field {
  return {
    name,
    group,
    type,
    arg: 'none',
    deprecated: true,
    doc: 'Never has a value; it is there so that old rules load.',
    ...more,
    bind: () => () => undefined,
  }
}

// ---------------------------------------------------------------- mounts

function mountText(mount: ContainerMount): string {
  return `${mount.source}:${mount.dest}:${mount.mode}:${mount.isReadWrite}:${mount.propagation}`
}

function bindMount(
  arg: string | undefined,
  keyOf: (mount: ContainerMount) => string,
  read: (mount: ContainerMount) => string,
): Reader {
  if (arg === undefined) return () => undefined
  if (/^\d+$/.test(arg)) {
    const index = Number(arg)
    return ctx => {
      const mount = containerOf(ctx)?.mounts?.[index]
      return mount === undefined ? undefined : toByteText(read(mount))
    }
  }
  const glob = compileGlob(toByteText(arg), false)
  return ctx => {
    const mount = containerOf(ctx)?.mounts?.find(candidate => glob.matches(toByteText(keyOf(candidate))))
    return mount === undefined ? undefined : toByteText(read(mount))
  }
}

function mountField(
  suffix: string,
  what: string,
  key: 'source' | 'dest',
  read: (mount: ContainerMount) => string,
): Field {
  const name = `container.mount${suffix}`
  const by = key === 'source' ? 'source' : 'destination'
  return {
    name,
    group: 'container',
    type: 'CHARBUF',
    arg: 'required',
    doc: `${what} of one mount, chosen by number (\`${name}[0]\`) or by a glob for its ${by} (\`${name}[/usr/local/*]\`). ${LATE}`,
    bind: arg => bindMount(arg, mount => mount[key], read),
  }
}

// ---------------------------------------------------------------- labels

/** Labels as `key:value`, comma-separated and sorted; those that engines keep for themselves are left out. */
export function labelsText(labels: ReadonlyMap<string, string>): string {
  return [...labels]
    .filter(([key]) => !key.startsWith('annotation.') && !key.startsWith('io.kubernetes.'))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => (value === '' ? key : `${key}:${value}`))
    .join(', ')
}

function startTs(ctx: EventContext): bigint | undefined {
  const start = BigInt(ctx.thread?.pidnsInitStartTs ?? 0)
  return start === 0n ? undefined : start
}

/** Fields of the container in which the event happened. */
export const containerFields: readonly Field[] = [
  {
    name: 'container.id',
    group: 'container',
    type: 'CHARBUF',
    arg: 'none',
    suggestedOutput: true,
    doc: 'First 12 characters of the container id; `host` for processes in none.',
    bind: () => ctx => {
      const thread = ctx.thread
      if (thread === undefined) return undefined
      return thread.containerId === '' ? 'host' : thread.containerId
    },
  },
  text('container.full_id', 'Full container id; `host` for processes in none.', c => c.fullId),
  text('container.name', 'Name of the container; `host` for processes in none.', c => c.name, {
    suggestedOutput: true,
  }),
  text('container.image', 'Image of the container with its tag.', c => c.image),
  text('container.image.id', 'Id of the image.', c => c.imageId),
  text(
    'container.type',
    'Container engine: docker, podman, containerd, cri-o, cri, lxc, …; `host` for processes in none.',
    c => c.type,
  ),
  flag('container.privileged', 'Whether the container runs privileged.', c => c.privileged),
  text('container.mounts', 'All mounts as `source:dest:mode:read-write:propagation`, comma-separated.', c =>
    c.mounts?.map(mountText).join(','),
  ),
  mountField('', 'All parts, `source:dest:mode:read-write:propagation`,', 'source', mountText),
  mountField('.source', 'Source', 'dest', mount => mount.source),
  mountField('.dest', 'Destination', 'source', mount => mount.dest),
  mountField('.mode', 'Mode', 'source', mount => mount.mode),
  mountField('.rdwr', '`true` or `false`, whether it may be written,', 'source', mount => String(mount.isReadWrite)),
  mountField('.propagation', 'Propagation', 'source', mount => mount.propagation),
  text('container.image.repository', 'Image without its tag.', c => c.imageRepository, { suggestedOutput: true }),
  text('container.image.tag', 'Tag of the image.', c => c.imageTag, { suggestedOutput: true }),
  text('container.image.digest', 'Digest of the image in its registry.', c => c.imageDigest),
  emptyField('container.healthcheck', 'container', 'CHARBUF'),
  emptyField('container.liveness_probe', 'container', 'CHARBUF'),
  emptyField('container.readiness_probe', 'container', 'CHARBUF'),
  {
    name: 'container.start_ts',
    group: 'container',
    type: 'ABSTIME',
    arg: 'none',
    doc: 'Start of the container, that is of its PID namespace, in nanoseconds since the epoch; in a replay, for a process that the capture saw starting, since the boot of the machine, as Falco has it there.',
    bind: () => ctx => {
      const start = startTs(ctx)
      return start === undefined ? undefined : toScalar(start)
    },
  },
  {
    name: 'container.duration',
    group: 'container',
    type: 'RELTIME',
    arg: 'none',
    doc: 'Nanoseconds since `container.start_ts`.',
    bind: () => ctx => {
      const start = startTs(ctx)
      return start === undefined ? undefined : toScalar(BigInt.asUintN(64, ctx.rec.tsNs - start))
    },
  },
  text('container.ip', 'IPv4 address of the container.', c => c.ip),
  text('container.cni.json', 'Network set-up of the pod as its engine gave it, JSON.', c => c.cniJson),
  flag('container.host_pid', 'Whether the container shares the PID namespace of the host.', c => c.hostPid),
  flag('container.host_network', 'Whether the container shares the network namespace of the host.', c => c.hostNetwork),
  flag('container.host_ipc', 'Whether the container shares the IPC namespace of the host.', c => c.hostIpc),
  {
    name: 'container.label',
    group: 'container',
    type: 'CHARBUF',
    arg: 'required',
    parseArg: parseLabelKey,
    doc: `Value of one label: \`container.label[maintainer]\` or \`container.label.maintainer\`. ${LATE}`,
    bind: key => ctx => containerText(containerOf(ctx)?.labels?.get(key ?? '')),
  },
  text('container.labels', 'All labels as `key:value`, comma-separated.', c => c.labels && labelsText(c.labels)),
  emptyField('proc.is_container_healthcheck', 'container', 'BOOL'),
  emptyField('proc.is_container_liveness_probe', 'container', 'BOOL'),
  emptyField('proc.is_container_readiness_probe', 'container', 'BOOL'),
]
