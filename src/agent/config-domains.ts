import { isIP } from 'node:net'
import type { Diagnostic } from '../diagnostics/diagnostic.ts'
import { parseIp } from '../values/ip.ts'
import { parseNet } from '../values/net.ts'
import { notAllowed } from './config-findings.ts'
import { type NameListConfig, readNameLists } from './config-name-lists.ts'
import type { Env } from './config-node.ts'
import type { ConfigSection } from './config-section.ts'
import { TRUSTED_WORDS } from './trusted-words.ts'

/** How domain names are looked up and judged. */
export interface DomainsConfig {
  /** `cares` asks DNS servers and learns TTLs; `system` also reads the hosts file and uses search domains. */
  readonly resolver: 'cares' | 'system'
  /** Addresses, with `:port` if it is not 53; empty: the system's. For `cares` only. */
  readonly servers: readonly string[]
  /** Only Falco's operators on domain fields. */
  readonly strict: boolean
  /** Bindings for a replay (NDJSON); '' for none. */
  readonly bindingsFile: string
  /** Look names up in a replay too. */
  readonly replayLookups: boolean
  /** Look-ups under way at once. */
  readonly maxLookups: number
  /** Lists of more names than this are matched against observed names only. */
  readonly listLimit: number
  /** Whether names are learnt from what processes send and receive: only from live events, from captures too, or never. */
  readonly observe: 'live' | 'true' | 'false'
  /** Ports of DNS servers. */
  readonly dnsPorts: readonly number[]
  /**
   * Addresses and networks of the DNS servers that are trusted, and `getaddrinfo`, `systemd-resolved`, `nscd`; without any address, those
   * that the resolv.conf of whoever asks names.
   */
  readonly trustedResolvers: readonly string[]
  /** Whether what the C library tells programs (`getaddrinfo`) is observed too, live; `auto` where it may say what nothing else does. */
  readonly getaddrinfo: 'auto' | 'true' | 'false'
  /** Where a live agent keeps what it knows of names for its next start; '' for nowhere. */
  readonly stateFile: string
  /** How often it is written. */
  readonly saveIntervalMs: number
  /** How long verdicts wait for the name of an address of which nothing is known, where a rule does not say; 0: not at all. */
  readonly waitForNameMs: number
  /** JSON alerts tell how the names that the rule asks for are known (`names`). */
  readonly explainAlerts: boolean
  /** Long lists of names, which are never looked up. */
  readonly lists: readonly NameListConfig[]
  /** Folder for copies of those that come from elsewhere. */
  readonly listCache: string
}

/** Reads `domains`; what is wrong becomes a finding, and its default counts. */
export function readDomains(top: ConfigSection, env: Env, findings: Diagnostic[]): DomainsConfig {
  const section = top.section('domains')
  const servers = section.texts('servers')
  for (const server of servers) {
    if (!isServer(server)) {
      const why = 'not an IP address, with `:port` if need be (`[::1]:53`)'
      findings.push(notAllowed(section.placeOf('servers')!, section.pathOf('servers'), server, why))
    }
  }
  const config: DomainsConfig = {
    resolver: section.oneOf('resolver', 'cares', ['cares', 'system']),
    servers: servers.filter(isServer),
    strict: section.bool('strict', false),
    bindingsFile: section.text('bindings_file', ''),
    replayLookups: section.bool('replay_lookups', false),
    maxLookups: section.int('max_lookups', 200, 1, 10_000),
    listLimit: section.int('list_limit', 10_000, 0, Number.MAX_SAFE_INTEGER),
    observe: section.oneOf('observe', 'live', ['live', 'true', 'false']),
    dnsPorts: readPorts(section, 'dns_ports', [53], findings),
    getaddrinfo: section.oneOf('getaddrinfo', 'auto', ['auto', 'true', 'false']),
    trustedResolvers: readNets(section, 'trusted_resolvers', findings, TRUSTED_WORDS),
    explainAlerts: section.bool('explain_alerts', false),
    lists: readNameLists(section, findings),
    listCache: section.text('list_cache', '/var/cache/tiercel/lists'),
    waitForNameMs: section.int('wait_for_name_ms', 0, 0, 10_000),
    stateFile: section.text('state_file', stateFileOf(env)),
    saveIntervalMs: section.int('save_interval_s', 60, 1, 86_400) * 1000,
  }
  section.finish()
  return config
}

/** systemd makes a service's own folder and names it; who starts the agent by hand says where. */
function stateFileOf(env: Env): string {
  const folder = env['STATE_DIRECTORY']?.split(':')[0] ?? ''
  return folder === '' ? '' : `${folder}/names.jsonl`
}

function readPorts(
  section: ConfigSection,
  key: string,
  otherwise: readonly number[],
  findings: Diagnostic[],
): readonly number[] {
  const ports: number[] = []
  for (const text of section.texts(key)) {
    if (/^\d{1,5}$/.test(text) && Number(text) > 0 && Number(text) <= 65_535) ports.push(Number(text))
    else findings.push(notAllowed(section.placeOf(key)!, section.pathOf(key), text, 'not a port'))
  }
  return ports.length === 0 ? otherwise : ports
}

function readNets(
  section: ConfigSection,
  key: string,
  findings: Diagnostic[],
  words: readonly string[],
): readonly string[] {
  return section.texts(key).filter(text => {
    if (parseIp(text) !== undefined || parseNet(text) !== undefined || words.includes(text)) return true
    findings.push(
      notAllowed(section.placeOf(key)!, section.pathOf(key), text, 'not an address or a network (10.0.0.0/8)'),
    )
    return false
  })
}

function isServer(text: string): boolean {
  const [, bracketed, plain, port] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d{1,5}))?$/.exec(text) ?? []
  if (port !== undefined && Number(port) > 65_535) return false
  return isIP(bracketed ?? plain ?? text) !== 0 || isIP(text) === 6
}
