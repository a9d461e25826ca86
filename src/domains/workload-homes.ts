/**
 * Where workloads live: the network and mount namespace in which a container began. Whoever is put into a container did not make these; other
 * ones that its processes come to live in they may have made themselves, with servers and files of their choice, as every user may who can
 * make a user namespace. Bounded; the container met longest ago goes.
 */
import { keepNewest } from '../values/keep-newest.ts'

/** Whose home is asked for: a thread, or what is remembered of one. */
export interface Inhabitant {
  /** '' is the host. */
  readonly containerId: string
  /** 0 is the host's. */
  readonly netns: number
  readonly mntns: number
}

export interface Home {
  netns: number
  mntns: number
}

interface KnownHome extends Home {
  /** Whose namespaces these are while it has not started the container's program. */
  tid: number
}

const HOST: Home = { netns: 0, mntns: 0 }
const NOBODY = -1
const MAX_HOMES = 4096

export class WorkloadHomes {
  readonly #byContainer: Map<string, KnownHome> = new Map()

  /**
   * A program was started: the first one of process 1 of a pid namespace, in files of the container's own, is the container's. Runtimes start
   * programs before that, in the container's cgroup already but still in namespaces of their own.
   */
  onProgram(who: Inhabitant, tid: number, vpid: number): void {
    const { containerId, mntns } = who
    if (containerId === '' || mntns === 0) return
    const home = this.#byContainer.get(containerId)
    if (home === undefined) {
      if (vpid === 1) this.#add(who, NOBODY)
    } else if (home.tid === tid) move(home, who, NOBODY)
    else home.tid = NOBODY
  }

  /**
   * A thread has come to live elsewhere, or was found there when the world was told. The first process of a pid namespace (`vpid` 1) makes the
   * container's, perhaps one after the other, before it starts the container's program.
   */
  onNamespaces(who: Inhabitant, tid: number, vpid: number): void {
    const { containerId, mntns } = who
    if (containerId === '' || mntns === 0 || vpid !== 1) return
    const home = this.#byContainer.get(containerId)
    if (home === undefined) this.#add(who, tid)
    else if (home.tid === tid) move(home, who, tid)
  }

  /** Undefined for a container that nothing was told of yet. */
  known(containerId: string): Home | undefined {
    return containerId === '' ? HOST : this.#byContainer.get(containerId)
  }

  /** Of a container that nothing was told of, what is asked for first. */
  of(who: Inhabitant): Home {
    if (who.containerId === '') return HOST
    return this.#byContainer.get(who.containerId) ?? this.#add(who, NOBODY)
  }

  #add({ containerId, netns, mntns }: Inhabitant, tid: number): Home {
    const home = { netns, mntns, tid }
    this.#byContainer.set(containerId, home)
    keepNewest(this.#byContainer, MAX_HOMES)
    return home
  }
}

function move(home: KnownHome, { netns, mntns }: Inhabitant, tid: number): void {
  home.netns = netns
  home.mntns = mntns
  home.tid = tid
}
