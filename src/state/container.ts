/** What is known of a container, from cgroups or from a container event of the capture. */
export interface Container {
  /** First 12 characters of the id; the whole name with LXC, libvirt and BPM. */
  readonly id: string
  readonly fullId: string
  readonly name?: string
  readonly image?: string
  readonly imageId?: string
  readonly imageRepository?: string
  readonly imageTag?: string
  readonly imageDigest?: string
  readonly type?: string
  readonly ip?: string
  readonly privileged?: boolean
  readonly hostPid?: boolean
  readonly hostNetwork?: boolean
  readonly hostIpc?: boolean
  readonly createdTsNs?: bigint
  readonly mounts?: readonly ContainerMount[]
  readonly labels?: ReadonlyMap<string, string>
  readonly podName?: string
  readonly podUid?: string
  readonly podSandboxId?: string
  readonly podNamespace?: string
  readonly podLabels?: ReadonlyMap<string, string>
  readonly podIp?: string
  readonly cniJson?: string
}

export interface ContainerMount {
  readonly source: string
  readonly dest: string
  readonly mode: string
  readonly isReadWrite: boolean
  readonly propagation: string
}

/** What is said of a container, and of the host, of which nothing is to be found out. */
export const WITHOUT_METADATA: Omit<Container, 'id'> = {
  fullId: '',
  name: '',
  image: '',
  imageId: '',
  imageRepository: '',
  imageTag: '',
  imageDigest: '',
  ip: '',
  privileged: false,
  hostPid: false,
  hostNetwork: false,
  hostIpc: false,
  mounts: [],
  labels: new Map(),
  podSandboxId: '',
  podLabels: new Map(),
  cniJson: '',
}

/** What processes of the host are in. */
export const HOST: Container = { ...WITHOUT_METADATA, id: 'host', fullId: 'host', name: 'host', type: 'host' }
