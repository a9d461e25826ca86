/** Configuration and rules as the worker is told them, and which of it a running one cannot be told again. */
import { availableParallelism } from 'node:os'
import { activeRules, type Plan } from '../rules/plan.ts'
import type { ObserverOrders, RuleOrders, WorkerOrders } from '../wire/agent-messages.ts'
import { wantedEvents } from './base-syscalls.ts'
import type { Config } from './config.ts'
import { addedOutput, openFilterOf } from './open-filter.ts'
import { plainPlan } from './plain-plan.ts'
import { readHosts } from './read-hosts.ts'
import { ringBytesOf } from './ring-bytes.ts'
import { LIBRARY } from './trusted-words.ts'
import { usesNames } from './uses-names.ts'
import type { LibraryChoice } from './workload-file-reader.ts'

/** So long detection waits for the first look-ups. */
export const NAMES_WAIT_MS = 2_000
const DEFAULT_SNAPLEN = 80

export interface ConfiguredRules {
  readonly config: Config
  readonly plan: Plan
}

export interface OrderedRules {
  readonly orders: RuleOrders
  /** Events that rules ask for and that are not traced; names of the configuration that are no system call. */
  readonly notTraced: readonly string[]
  readonly unknown: readonly string[]
}

/** What the worker needs before it knows the rules. */
export function workerOrders(config: Config): WorkerOrders {
  return {
    ringBytes: ringBytesOf(config.engine, availableParallelism()),
    snaplen: config.snaplen === 0 ? DEFAULT_SNAPLEN : config.snaplen,
    maxThreads: config.threadTable.size,
    purgeIntervalSec: config.threadTable.purgeIntervalSec,
    threadTimeoutSec: config.threadTable.threadTimeoutSec,
    namesWaitMs: NAMES_WAIT_MS,
    savesNames: config.domains.stateFile !== '',
    ...(config.domains.observe !== 'false' && { observer: observerOrders(config) }),
  }
}

function observesNames({ config, plan }: ConfiguredRules): boolean {
  return config.domains.observe !== 'false' && usesNames(plan)
}

/** Where no rule asks for names nobody needs to hear of them. */
export function librariesOf(setup: ConfiguredRules): LibraryChoice {
  const { getaddrinfo, trustedResolvers } = setup.config.domains
  if (getaddrinfo === 'false' || !observesNames(setup)) return 'none'
  return getaddrinfo === 'true' || trustedResolvers.includes(LIBRARY) ? 'all' : 'needed'
}

function observerOrders({ domains }: Config): ObserverOrders {
  const { dnsPorts, trustedResolvers } = domains
  return { dnsPorts, trustedResolvers, hosts: readHosts() }
}

function observerKeys({ domains }: Config): unknown {
  return [domains.observe === 'false', domains.dnsPorts, domains.trustedResolvers, domains.getaddrinfo]
}

function resolverKeys({ domains }: Config): unknown {
  return [domains.resolver, domains.servers, domains.maxLookups]
}

/** The rules with all that judging them takes. */
export function ruleOrders({ config, plan }: ConfiguredRules, generation: number): OrderedRules {
  const active = activeRules(plan.rules, config.minPriority).filter(rule => rule.source === 'syscall')
  const { syscalls, tracepoints, notTraced, unknown } = wantedEvents(active, config.baseSyscalls)
  const isTraced = (event: string): boolean => !notTraced.includes(event)
  const opens = openFilterOf(active, addedOutput(config.appendOutput), isTraced)
  const orders: RuleOrders = {
    generation,
    plan: plainPlan(plan),
    ruleMatching: config.ruleMatching,
    minPriority: config.minPriority,
    format: config.format,
    appendOutput: config.appendOutput,
    staticFields: config.staticFields,
    syscalls,
    tracepoints,
    ...(opens !== undefined && { opens }),
    observesNames: observesNames({ config, plan }),
    listLimit: config.domains.listLimit,
    waitForNameMs: config.domains.waitForNameMs,
    explainsNames: config.domains.explainAlerts && config.format.json,
  }
  return { orders, notTraced, unknown }
}

/** Keys whose change a running worker does not follow. */
export function keysThatNeedRestart(before: Config, after: Config): readonly string[] {
  const keys: string[] = []
  if (!isSame(before.engine, after.engine)) keys.push('engine')
  if (!isSame(before.threadTable, after.threadTable) || before.snaplen !== after.snaplen) keys.push('falco_libs')
  if (!isSame(resolverKeys(before), resolverKeys(after))) keys.push('domains.resolver')
  if (before.domains.stateFile !== after.domains.stateFile) keys.push('domains.state_file')
  if (before.domains.listCache !== after.domains.listCache) keys.push('domains.list_cache')
  if (!isSame(observerKeys(before), observerKeys(after))) keys.push('domains.observe')
  return keys
}

/** Whether settings are equal. */
export function isSame(one: unknown, other: unknown): boolean {
  return stable(one) === stable(other)
}

function stable(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => (inner instanceof Map ? [...inner] : inner)) ?? ''
}
