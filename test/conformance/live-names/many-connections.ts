/** The same look-up and connection thousands of times, and what an agent said of each: for a test in small, for a bench in full. */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { records } from '../../../src/domains/testdata/scripted-dns-server.ts'
import { CONNECTS, rule } from '../observed-names/scene.ts'
import { compileConnect, findTool } from './tools.ts'
import { type SeenAlert, WatchingAgent } from './watching-agent.ts'
import { Container, fixed, World } from './world.ts'
import type { Entry } from './world-messages.ts'

/** Why they cannot run here, for `test`'s option `skip`. */
export const whyNoCompiler = (): string | false =>
  findTool('cc') === undefined ? 'cc is not there (sh scripts/setup-native.sh)' : false

const HTTP = `${CONNECTS} and fd.sport = 80`

/** A client that looks the name up and connects, `count` times. */
interface Client {
  readonly name: string
  readonly count: number
  readonly first?: number
  readonly container?: Container
}

interface Scenario {
  readonly zone: Record<string, Entry>
  readonly agents: readonly Parameters<typeof WatchingAgent.start>[0][]
  readonly clients: readonly Client[]
  /** Keeps the processors busy meanwhile. */
  readonly underLoad?: boolean
}

interface Played {
  /** Of each agent: the alerts of each client. */
  readonly alerts: readonly (readonly (readonly SeenAlert[])[])[]
  readonly tookMs: number
  readonly lost: number
}

/** Runs all clients at once while all agents watch. */
async function playMany({ zone, agents, clients, underLoad = false }: Scenario): Promise<Played> {
  const folder = mkdtempSync(join(tmpdir(), 'tiercel-many-'))
  const program = compileConnect('cc', join(folder, 'connect'))!
  const world = await World.start()
  const watching: WatchingAgent[] = []
  const alerts: (readonly SeenAlert[])[][] = []
  let tookMs = 0
  let lost = 0
  const load = underLoad
    ? Array.from({ length: availableParallelism() }, () => spawn('sh', ['-c', 'while :; do :; done']))
    : []
  try {
    await world.set(zone)
    for (const settings of agents) watching.push(await WatchingAgent.start(settings))
    const start = performance.now()
    const ran = await Promise.all(
      clients.map(({ name, count, first = 0, container }) =>
        world.run([program, name, '80', String(count), String(first)], container === undefined ? {} : { container }),
      ),
    )
    tookMs = performance.now() - start
    for (const { status, out } of ran) if (status !== 0) throw new Error(`a client failed: ${out}`)
    for (const agent of watching) {
      const all = await agent.alerts()
      alerts.push(ran.map(({ pid }) => all.filter(alert => alert.pid === pid)))
    }
  } finally {
    for (const child of load) child.kill('SIGKILL')
    await world.stop()
    for (const agent of watching) lost += lostIn(await agent.stop())
    rmSync(folder, { recursive: true, force: true })
  }
  return { alerts, tookMs, lost }
}

/** From the last line that an agent says. */
function lostIn(said: string): number {
  return Number(/, (\d+) lost\s*$/.exec(said)?.[1] ?? Number.NaN)
}

export interface Verdicts {
  readonly connections: number
  readonly wrong: number
  /** Events that found no room, whosever they were: then nothing follows from the other numbers. */
  readonly lost: number
  readonly tookMs: number
}

/** Each round has a name and an address of its own, so that only the answer just received can name the connection. */
export async function raceAnswers(count: number): Promise<Verdicts> {
  const zone: Record<string, Entry> = {}
  const ipOf = (i: number): string => `198.18.${i >> 8}.${i & 255}`
  for (let i = 0; i < count; i++) zone[`n${i}.race.example`] = fixed(`n${i}.race.example`, ipOf(i))
  const half = Math.ceil(count / 2)
  const rules = rule('Race', `${HTTP} and fd.snet in ("198.18.0.0/15")`, '%fd.sip %fd.sip.name')
  const { alerts, tookMs, lost } = await playMany({
    zone,
    agents: [{ rules, domains: ['trusted_resolvers: [10.53.0.53]'] }],
    clients: [
      { name: 'n%d.race.example', count: half },
      { name: 'n%d.race.example', count: count - half, first: half },
    ],
    underLoad: true,
  })
  const seen = new Set(alerts[0]!.flat().map(({ text }) => text))
  let wrong = 0
  for (let i = 0; i < count; i++) if (!seen.has(`${ipOf(i)} n${i}.race.example`)) wrong++
  return { connections: alerts[0]!.flat().length, wrong, tookMs, lost }
}

/** Two containers and two processes of the host, each with a name of its own, all at one address. */
export async function shareAddress(count: number): Promise<Verdicts> {
  const names = ['shop.example', 'pool.example', 'cafe.example', 'bank.example']
  const containers = [Container.make(), Container.make()]
  try {
    const { alerts, tookMs, lost } = await playMany({
      zone: Object.fromEntries(names.map(name => [name, fixed(name, '192.0.2.80')])),
      agents: [
        {
          rules: names.map(name => rule(name, `${HTTP} and fd.sip.name = ${name}`)).join(''),
          domains: ['trusted_resolvers: [10.53.0.53]'],
          lookUps: name => records(name, 60, '192.0.2.80'),
        },
      ],
      clients: names.map((name, i) => {
        const container = containers[i]
        return { name, count: Math.ceil(count / 4), ...(container !== undefined && { container }) }
      }),
    })
    let wrong = 0
    for (const [i, own] of alerts[0]!.entries()) {
      wrong += Math.abs(Math.ceil(count / 4) - own.length)
      for (const alert of own) if (alert.rule !== names[i]) wrong++
    }
    return { connections: alerts[0]!.flat().length, wrong, tookMs, lost }
  } finally {
    for (const container of containers) container?.remove()
  }
}

export interface RotationVerdicts extends Verdicts {
  /** False alerts of an agent that knows only what it looks up itself. */
  readonly wrongWhenResolved: number
}

/** A name like that of an object store: 4,000 addresses, 8 in an answer, for 5 s. An allow-list has it, so every alert is false. */
export async function rotateAddresses(count: number): Promise<RotationVerdicts> {
  const pool = { net: '198.18', size: 4000, anAnswer: 8, ttlSec: 5 }
  const address = (): string => {
    const at = Math.floor(Math.random() * pool.size)
    return `${pool.net}.${at >> 8}.${at & 255}`
  }
  const lookUps = (name: string): ReturnType<typeof records> =>
    records(name, pool.ttlSec, ...Array.from({ length: pool.anAnswer }, address))
  const from = `${HTTP} and fd.snet in ("198.18.0.0/15")`
  const rules = rule('False', `${from} and not fd.sip.name in (store.example)`) + rule('Any', from)
  const { alerts, tookMs, lost } = await playMany({
    zone: { 'store.example': { pool } },
    agents: [
      { rules, lookUps, domains: ['trusted_resolvers: [10.53.0.53]'] },
      { rules, lookUps, domains: ['observe: false'] },
    ],
    clients: [{ name: 'store.example', count }],
  })
  const [observed, resolved] = alerts.map(([own]) => own!)
  const falseIn = (own: readonly SeenAlert[]): number => own.filter(alert => alert.rule === 'False').length
  return {
    connections: observed!.filter(alert => alert.rule === 'Any').length,
    wrong: falseIn(observed!),
    wrongWhenResolved: falseIn(resolved!),
    tookMs,
    lost,
  }
}
