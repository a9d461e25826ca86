import type { BindingFact } from '../domains/binding.ts'
import type { NameIndex } from '../domains/name-index.ts'
import { NameObserver } from '../domains/name-observer.ts'
import { unmapIp, parseIp } from '../values/ip.ts'
import { netContains, parseNet } from '../values/net.ts'
import type { Ip, Net } from '../values/value.ts'
import { LIBRARY, TRUSTED_WORDS } from './trusted-words.ts'

/** What of the configuration decides what is learnt from what processes send and receive. */
export interface ObserverSettings {
  readonly dnsPorts: readonly number[]
  /** Addresses and networks, and words of `TRUSTED_WORDS`; without any address: the servers that the resolv.conf of whoever asks names. */
  readonly trustedResolvers: readonly string[]
  /** Asks for the files of a mount namespace, through a process in it. */
  readonly wantFiles?: (mntns: number, pid: number, isOwn: boolean) => void
  /** Events tell of all sockets that processes make: see `DnsObserverOptions`. */
  readonly doubtsUnknownSockets?: boolean
  /** For those who ask afterwards: what processes saw stays theirs when they have ended. */
  readonly keepsProcesses?: boolean
}

/** An observer that tells `names` what it learns, and `onFact` too. */
export function makeObserver(
  settings: ObserverSettings,
  names: NameIndex,
  onFact: (fact: BindingFact) => void = () => {},
): NameObserver {
  const isTrusted = trustOf(settings.trustedResolvers)
  return new NameObserver({
    learn: (fact, atMs) => {
      onFact(fact)
      return names.learn(fact, atMs)
    },
    retract: fact => names.retract(fact),
    isBound: (name, ip, when) => names.isBound(name, ip, when),
    isOwn: (name, ip, when) => names.isOwn(name, ip, when),
    trustsLibrary: settings.trustedResolvers.includes(LIBRARY),
    isTrustedService: service => isTrusted === undefined || settings.trustedResolvers.includes(service),
    doubtsUnknownSockets: settings.doubtsUnknownSockets ?? false,
    ...(settings.wantFiles !== undefined && { wantFiles: settings.wantFiles }),
    dnsPorts: settings.dnsPorts,
    ...(settings.keepsProcesses !== true && { endProcess: (pid, atMs) => names.endProcess(pid, atMs) }),
    ...(isTrusted !== undefined && { isTrusted }),
  })
}

function trustOf(listed: readonly string[]): ((ip: Ip) => boolean) | undefined {
  const texts = listed.filter(text => !TRUSTED_WORDS.includes(text))
  if (texts.length === 0) return undefined
  const ips = new Set<Ip>()
  const nets: Net[] = []
  for (const text of texts) {
    const net = parseNet(text)
    const ip = net === undefined ? parseIp(text) : undefined
    if (net !== undefined) nets.push(net)
    if (ip !== undefined) ips.add(unmapIp(ip))
  }
  return ip => ips.has(ip) || nets.some(net => netContains(net, ip))
}
