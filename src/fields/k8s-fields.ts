import type { Container } from '../state/container.ts'
import type { EventContext } from '../state/event-context.ts'
import { parseLabelKey } from './arg-syntax.ts'
import { containerOf, containerText, emptyField, labelsText } from './container-fields.ts'
import type { Field } from './field.ts'

/*
 * Kubernetes as a container engine knows it (`k8s.*`, in Falco part of the container plugin), and as the cluster knows it (`k8smeta.*`).
 */

const SHORT_ID = 12

function ofContainer(
  name: string,
  doc: string,
  read: (container: Container, ctx: EventContext) => string | undefined,
): Field {
  return {
    name,
    group: 'k8s',
    type: 'CHARBUF',
    arg: 'none',
    doc: `${doc} No value until the metadata of the container is known.`,
    bind: () => ctx => {
      const container = containerOf(ctx)
      return container === undefined ? undefined : containerText(read(container, ctx))
    },
  }
}

/** The container that holds what the pod's containers share; some engines keep it in each of them. */
function sandboxOf(container: Container, ctx: EventContext): Container | undefined {
  if (container.cniJson !== undefined && container.cniJson !== '') return container
  const id = container.podSandboxId ?? ''
  return id === '' ? undefined : ctx.machine.container(id.slice(0, SHORT_ID))
}

function podLabel(ctx: EventContext, key: string): string | undefined {
  const container = containerOf(ctx)
  if (container === undefined) return undefined
  return sandboxOf(container, ctx)?.podLabels?.get(key) ?? container.podLabels?.get(key)
}

function podLabels(container: Container, ctx: EventContext): string | undefined {
  const labels = (sandboxOf(container, ctx) ?? container).podLabels
  return labels === undefined ? undefined : labelsText(labels)
}

function deprecatedFields(): Field[] {
  const objects = ['rc', 'svc', 'rs', 'deployment']
  const fields = objects.flatMap(object => [
    emptyField(`k8s.${object}.name`, 'k8s', 'CHARBUF'),
    emptyField(`k8s.${object}.id`, 'k8s', 'CHARBUF'),
    emptyField(`k8s.${object}.label`, 'k8s', 'CHARBUF', { arg: 'required', parseArg: parseLabelKey }),
    emptyField(`k8s.${object}.labels`, 'k8s', 'CHARBUF'),
  ])
  return [
    ...fields,
    emptyField('k8s.ns.id', 'k8s', 'CHARBUF'),
    emptyField('k8s.ns.label', 'k8s', 'CHARBUF', { arg: 'required', parseArg: parseLabelKey }),
    emptyField('k8s.ns.labels', 'k8s', 'CHARBUF'),
  ]
}

function metaField(object: string, property: string, what: string): Field {
  const isLabel = property === 'label'
  const isList = property === 'labels' || object === 'svc'
  return {
    name: `k8smeta.${object}.${property}`,
    group: 'k8smeta',
    type: 'CHARBUF',
    arg: isLabel ? 'required' : 'none',
    ...(isLabel && { parseArg: parseLabelKey }),
    ...(isList && { isList: true }),
    doc: `${what} It comes from the cluster's API, which is not asked yet, so it has no value.`,
    bind: () => () => undefined,
  }
}

function metaFields(): Field[] {
  const objects: readonly (readonly [string, string])[] = [
    ['pod', 'pod'],
    ['ns', 'namespace'],
    ['deployment', 'deployment'],
    ['svc', 'services'],
    ['rs', 'replica set'],
    ['rc', 'replication controller'],
  ]
  const fields = objects.flatMap(([object, word]) => [
    metaField(object, 'name', `Name of the ${word} of the event's pod.`),
    metaField(object, 'uid', `Id of the ${word} of the event's pod.`),
    metaField(object, 'label', `One label of the ${word} of the event's pod.`),
    metaField(object, 'labels', `All labels of the ${word} of the event's pod.`),
  ])
  return [...fields, metaField('pod', 'ip', "Address of the event's pod.")]
}

/** Fields of the Kubernetes objects in which the event happened. */
export const k8sFields: readonly Field[] = [
  { ...ofContainer('k8s.pod.name', 'Name of the pod.', c => c.podName), suggestedOutput: true },
  { ...ofContainer('k8s.ns.name', 'Namespace of the pod.', c => c.podNamespace), suggestedOutput: true },
  ofContainer('k8s.pod.id', 'The same as `k8s.pod.uid`, under an old name.', c => c.podUid),
  ofContainer('k8s.pod.uid', 'Id that Kubernetes gave the pod.', c => c.podUid),
  ofContainer('k8s.pod.sandbox_id', "First 12 characters of the id of the pod's sandbox container.", c =>
    c.podSandboxId?.slice(0, SHORT_ID),
  ),
  ofContainer('k8s.pod.full_sandbox_id', "Id of the pod's sandbox container.", c => c.podSandboxId),
  {
    name: 'k8s.pod.label',
    group: 'k8s',
    type: 'CHARBUF',
    arg: 'required',
    parseArg: parseLabelKey,
    doc: 'Value of one label of the pod: `k8s.pod.label[app]` or `k8s.pod.label.app`. No value until the metadata of the container is known.',
    bind: key => ctx => containerText(podLabel(ctx, key ?? '')),
  },
  ofContainer('k8s.pod.labels', 'All labels of the pod as `key:value`, comma-separated.', podLabels),
  ofContainer('k8s.pod.ip', 'IPv4 address of the pod.', (c, ctx) => sandboxOf(c, ctx)?.ip ?? c.podIp),
  ofContainer(
    'k8s.pod.cni.json',
    'Network set-up of the pod as its engine gave it, JSON.',
    (c, ctx) => sandboxOf(c, ctx)?.cniJson,
  ),
  ...deprecatedFields(),
  ...metaFields(),
]
