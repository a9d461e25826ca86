/**
 * What does a list of a million names cost, configured (`domains.lists`) or written in a rule file? Time to load, memory of the whole process,
 * questions to a name server, and checks that miss and hit: `dns.qname in (list)` by text and `fd.sip.name in (list)` by address.
 * Each case is a process of its own. Run: node bench/name-list.bench.ts [NAMES]
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker, isMainThread, parentPort } from 'node:worker_threads'
import { loadRules } from '../src/agent/load-rules.ts'
import { NameLists } from '../src/agent/name-lists.ts'
import { Pipeline } from '../src/agent/pipeline.ts'
import { NameIndex } from '../src/domains/name-index.ts'
import { backgroundTimer, NameRefresher } from '../src/domains/refresh.ts'
import { createCaresResolver } from '../src/domains/resolver.ts'
import { NXDOMAIN, startScriptedDnsServer } from '../src/domains/testdata/scripted-dns-server.ts'
import { median } from './median.ts'

const ROUNDS = 9
const CHECKS = 1_000_000
const self: string = fileURLToPath(import.meta.url)

const CASES = ['plain', 'hosts', 'rpz', 'rules'] as const
type Case = (typeof CASES)[number]

/** Median and lowest round, ns. */
type Spread = readonly [median: number, lowest: number]

interface Figures {
  readonly loadMs: number
  readonly rssMb: number
  readonly peakMb: number
  readonly questions: number
  /** Absent where the list is no more than names of a check. */
  readonly textMiss?: Spread
  readonly textHit?: Spread
  readonly addressMiss: Spread
}

function nameAt(i: number, count: number): string {
  return `host${(i * 7919) % count}.zone${i % 977}.example${i % 13}.com`
}

function* linesOf(kind: Case, count: number): Generator<string> {
  if (kind === 'rpz') yield '$TTL 300\n@ SOA localhost. root.localhost. 1 1 1 1 1\n'
  if (kind === 'rules') yield '- list: threats\n  items:\n'
  for (let i = 0; i < count; i++) {
    const name = nameAt(i, count)
    yield kind === 'plain'
      ? `${name}\n`
      : kind === 'hosts'
        ? `0.0.0.0 ${name}\n`
        : kind === 'rpz'
          ? `${name} CNAME .\n`
          : `  - ${name}\n`
  }
}

/** The nth number of a line of /proc/self/status, in MB. */
function statusMb(key: string): number {
  const found = new RegExp(`^${key}:\\s+(\\d+) kB`, 'm').exec(readFileSync('/proc/self/status', 'utf8'))
  return Number(found?.[1] ?? 0) / 1024
}

function timeNs(check: (i: number) => boolean, want: boolean): Spread {
  const rounds: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    let hits = 0
    const start = performance.now()
    for (let i = 0; i < CHECKS; i++) if (check(i)) hits++
    rounds.push(((performance.now() - start) * 1e6) / CHECKS)
    if (hits !== (want ? CHECKS : 0)) throw new Error(`unreachable: ${hits} of ${CHECKS} checks hit`)
  }
  return [median(rounds), Math.min(...rounds)]
}

/** A name server on a thread of its own; its questions are asked for at the end. */
async function startServer(): Promise<{ address: string; questions: () => Promise<number> }> {
  const worker = new Worker(new URL(import.meta.url))
  const next = (): Promise<unknown> => new Promise(resolve => worker.once('message', resolve))
  const address = (await next()) as string
  return {
    address,
    questions: async () => {
      worker.postMessage('count')
      const count = (await next()) as number
      await worker.terminate()
      return count
    },
  }
}

async function runCase(kind: Case, path: string, count: number, server: string): Promise<Omit<Figures, 'questions'>> {
  const names = new NameIndex()
  const rule =
    '- rule: r\n  desc: d\n  condition: evt.type = connect and fd.sip.name in (threats)\n  output: o\n  priority: INFO\n'
  const start = performance.now()
  const lists =
    kind === 'rules'
      ? []
      : [{ name: 'threats', file: path, url: '', format: 'auto', match: 'exact', refreshMs: 0 } as const]
  const files = [
    ...(kind === 'rules' ? [{ path, text: readFileSync(path, 'utf8') }] : []),
    { path: 'rules.yaml', text: rule },
  ]
  const config = { ruleSelection: [], minPriority: 7, staticFields: new Map<string, string>() }
  const { rules, fields } = loadRules(files, { ...config, domains: { strict: false, lists } })
  if (rules.plan === undefined) throw new Error(rules.results[0]?.findings[0]?.diagnostic.message ?? 'no plan')
  const pipeline = new Pipeline({
    plan: rules.plan,
    fields,
    names,
    ruleMatching: 'first',
    minPriority: 7,
    appendOutput: [],
    staticFields: config.staticFields,
    onAlert: () => {},
  })
  pipeline.prepare()
  const loaded = new NameLists({
    use: (name, list) => names.setList(name, list),
    tell: news => {
      if (news.kind === 'failed') throw new Error(news.cause)
    },
    onTrouble: () => {},
    cacheFolder: '',
    fetches: false,
    now: Date.now,
  })
  loaded.set(lists, false)
  await loaded.ready()
  const loadMs = performance.now() - start
  const refresher = new NameRefresher({
    resolver: createCaresResolver({ servers: [server], timeoutMs: 500, tries: 1 }),
    apply: update => names.apply(update),
    now: Date.now,
    setTimer: backgroundTimer,
    readyMs: 2000,
  })
  refresher.setNames(names.namesToResolve(10_000).names)
  await refresher.ready()
  await new Promise(resolve => setTimeout(resolve, 200))
  refresher.stop()
  const { rss } = process.memoryUsage()
  const misses = Array.from({ length: 1000 }, (_, i) => `www${i}.other${i % 7}.example.org`)
  const hits = Array.from({ length: 1000 }, (_, i) => nameAt((i * 991) % count, count))
  const set = kind === 'rules' ? names.watch(hits) : names.watchList('threats')
  for (const [i, name] of hits.entries()) names.learn({ name, ip: 0xc6120000 + i, evidence: 'observed' }, 0)
  const isText = kind !== 'rules'
  return {
    loadMs,
    rssMb: rss / 1e6,
    peakMb: statusMb('VmHWM'),
    ...(isText && {
      textMiss: timeNs(i => set.holds(misses[i % 1000]!), false),
      textHit: timeNs(i => set.holds(hits[i % 1000]!), true),
    }),
    addressMiss: timeNs(i => set.matches(0x0a000000 + (i % 1000), 1), false),
  }
}

if (!isMainThread) {
  const server = await startScriptedDnsServer(() => NXDOMAIN)
  parentPort!.on('message', () => parentPort!.postMessage(server.questions.length))
  parentPort!.postMessage(server.address)
} else if (process.argv[2] === 'case') {
  const [, , , kind, path, count, server] = process.argv
  try {
    process.stdout.write(JSON.stringify(await runCase(kind as Case, path!, Number(count), server!)))
    process.exit(0)
  } catch (error) {
    process.stdout.write(JSON.stringify({ error: String(error) }))
    process.exit(0)
  }
} else {
  const count = Number(process.argv[2] ?? 1_000_000)
  const failures: string[] = []
  const folder = mkdtempSync(join(tmpdir(), 'tiercel-bench-'))
  console.log(`${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${cpus().length} cores, Node ${process.version}`)
  console.log(`${count} names; ns: median of ${ROUNDS} rounds (the lowest); an empty Node has 45 MB`)
  console.log('written as  load ms  RSS MB  peak MB  DNS questions  by text: miss      hit  by address: miss')
  for (const kind of CASES) {
    const path = join(folder, kind)
    writeFileSync(path, [...linesOf(kind, count)].join(''))
    const server = await startServer()
    const args = ['--max-old-space-size=4096', self, 'case', kind, path, String(count), server.address]
    const out = execFileSync(process.execPath, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
    const questions = await server.questions()
    const result = JSON.parse(out) as (Omit<Figures, 'questions'> & { error?: undefined }) | { error: string }
    if (result.error !== undefined) {
      console.log(`${kind.padEnd(10)}  ${result.error}`)
      continue
    }
    const { loadMs, rssMb, peakMb, textMiss, textHit, addressMiss } = result
    const cell = (value: number, width: number): string => value.toFixed(0).padStart(width)
    const spread = (value: Spread | undefined): string =>
      (value === undefined ? '–' : `${value[0].toFixed(0)} (${value[1].toFixed(0)})`).padStart(12)
    console.log(
      `${kind.padEnd(10)}${cell(loadMs, 9)}${cell(rssMb, 8)}${cell(peakMb, 9)}${cell(questions, 15)}    ` +
        `${spread(textMiss)}${spread(textHit)}${spread(addressMiss)}`,
    )
    if (kind === 'rules' || count > 1_000_000) continue
    if (questions > 0) throw new Error('names of a list were looked up')
    if (loadMs > 3000) failures.push(`${kind}: a million names took more than 3 s to load`)
    if (peakMb > 250) failures.push(`${kind}: a million names took more than 250 MB`)
    for (const miss of [textMiss, addressMiss])
      if (miss !== undefined && miss[1] > 200) failures.push(`${kind}: a miss took more than 200 ns`)
  }
  rmSync(folder, { recursive: true })
  if (failures.length > 0) throw new Error(failures.join('; '))
}
