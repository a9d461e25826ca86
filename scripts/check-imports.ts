/**
 * Checks who imports whom: the folders' table below, no import cycles, no barrels, packages only where `package.json` names them, and
 * the outside world (network, processes) only at the edges. A folder is the first one below `src/`. Tests may import anything.
 *
 *   node scripts/check-imports.ts      prints each breach with the reason; exit code 1 if there is one
 */
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'

interface FolderRule {
  /** Folders, or single files of them (`events/event-table.ts`), that may be imported at run time. */
  readonly run: readonly string[]
  /** Folders that may be imported besides with `import type`. */
  readonly type?: readonly string[]
  readonly why: string
}

const all: readonly string[] = [
  'diagnostics',
  'values',
  'wire',
  'rules',
  'events',
  'state',
  'domains',
  'fields',
  'engine',
  'policy',
  'outputs',
  'console',
  'agent',
  'cli',
]

const table: Readonly<Record<string, FolderRule>> = {
  diagnostics: { run: [], why: 'everything stands on it, so it stands on nothing' },
  values: { run: [], why: 'everything stands on it, so it stands on nothing' },
  wire: { run: [], why: 'messages are plain data that any thread or page can read' },
  rules: {
    run: ['diagnostics', 'values'],
    why: 'rules compile in a browser too: what they need of fields and events they declare themselves (rules/field-lookup.ts)',
  },
  events: {
    run: ['values', 'diagnostics'],
    type: ['rules'],
    why: 'a source only decodes; what events mean is state/, and rules see of them what rules/field-lookup.ts asks',
  },
  state: { run: ['events', 'values'], why: 'state follows from events alone' },
  domains: { run: ['events', 'values'], why: 'bindings follow from events and answers alone' },
  fields: {
    run: [
      'values',
      'events/event-table.ts',
      'events/decode-record.ts',
      'events/event-lookup.ts',
      'state/fd.ts',
      'state/path.ts',
    ],
    type: ['rules', 'events', 'state', 'domains'],
    why: 'readers get what they read as an argument; of other folders they use only tables and pure functions',
  },
  engine: { run: ['rules', 'values'], type: ['fields', 'events'], why: 'fields are linked in from outside' },
  policy: { run: ['values'], type: ['engine', 'state'], why: 'a verdict is made from an alert, not from the engine' },
  outputs: { run: ['values', 'wire'], type: ['engine', 'policy'], why: 'sinks run on another thread than the engine' },
  console: {
    run: ['wire', 'rules', 'fields', 'values', 'diagnostics'],
    why: 'the page lints rules in the browser and never sees the engine',
  },
  agent: { run: all.filter(f => f !== 'console' && f !== 'cli'), why: 'it wires the stages and knows no command line' },
  cli: { run: all, why: '' },
}

/** Modules of Node that reach outside, and the paths below `src/` where they may be used. */
const edges: readonly { readonly modules: readonly string[]; readonly at: readonly string[] }[] = [
  {
    modules: [
      'node:dns',
      'node:dns/promises',
      'node:dgram',
      'node:net',
      'node:tls',
      'node:http',
      'node:https',
      'node:http2',
    ],
    at: [
      'domains/',
      'outputs/',
      'agent/',
      'cli/',
      'state/kubernetes/',
      'events/live/',
      'policy/actions/',
      'console/server/',
    ],
  },
  { modules: ['node:child_process'], at: ['outputs/', 'agent/', 'cli/', 'policy/actions/'] },
]

export interface ImportStatement {
  readonly from: string
  readonly isType: boolean
  /** `import('…')`: loaded when it is reached. */
  readonly isLazy: boolean
  readonly line: number
}

/** The import and re-export statements of a file laid out by our formatter (one begins a line), and `import('…')` calls. */
export function parseImports(text: string): readonly ImportStatement[] {
  const found: ImportStatement[] = []
  const add = (at: number, from: string, isType: boolean, isLazy: boolean): void => {
    found.push({ from, isType, isLazy, line: text.slice(0, at).split('\n').length })
  }
  for (const m of text.matchAll(/^(?:import|export)\s+(type\s+)?(?:[\w*{}\s,$]+\s+from\s+)?'([^'\n]+)'/gm)) {
    add(m.index, m[2]!, m[1] !== undefined, false)
  }
  for (const m of text.matchAll(/(typeof\s+)?\bimport\('([^'\n]+)'\)/g)) add(m.index, m[2]!, m[1] !== undefined, true)
  return found
}

function folderOf(path: string): string | undefined {
  return /^src\/([^/]+)\//.exec(path)?.[1]
}

const isTest = (path: string): boolean => path.endsWith('.test.ts') || path.includes('/testdata/')

/** A cycle of run-time imports as a list of paths, or undefined. `edgesOf` gives only files of ours. */
function findCycle(edgesOf: ReadonlyMap<string, readonly string[]>): readonly string[] | undefined {
  const done = new Set<string>()
  const path: string[] = []
  const visit = (file: string): readonly string[] | undefined => {
    const at = path.indexOf(file)
    if (at >= 0) return [...path.slice(at), file]
    if (done.has(file)) return undefined
    path.push(file)
    for (const next of edgesOf.get(file) ?? []) {
      const cycle = visit(next)
      if (cycle !== undefined) return cycle
    }
    path.pop()
    done.add(file)
    return undefined
  }
  for (const file of edgesOf.keys()) {
    const cycle = visit(file)
    if (cycle !== undefined) return cycle
  }
  return undefined
}

/**
 * Breaches among `files` (path from the project's root → text), as `path:line: what, why`. `packages` are the names that may be
 * imported at run time.
 */
export function findBreaches(files: ReadonlyMap<string, string>, packages: ReadonlySet<string>): readonly string[] {
  const breaches: string[] = []
  const runImports = new Map<string, readonly string[]>()
  for (const [path, text] of files) {
    if (isTest(path) || !path.startsWith('src/')) continue
    const folder = folderOf(path)
    if (folder !== undefined && path === `src/${folder}/index.ts`) {
      breaches.push(`${path}:1: a barrel: import the file that defines the thing; only src/index.ts gathers`)
    }
    const rule = folder === undefined ? undefined : table[folder]
    if (folder !== undefined && rule === undefined) {
      breaches.push(`${path}:1: the folder \`${folder}\` is not in the import table of scripts/check-imports.ts`)
      continue
    }
    const targets: string[] = []
    for (const { from, isType, isLazy, line } of parseImports(text)) {
      const place = `${path}:${line}`
      if (from.startsWith('node:')) {
        const edge = edges.find(e => e.modules.includes(from))
        if (edge !== undefined && !isType && !edge.at.some(at => path.startsWith(`src/${at}`))) {
          breaches.push(`${place}: ${from} outside the edges (${edge.at.join(' ')}): take what it does as an argument`)
        }
        continue
      }
      if (!from.startsWith('.')) {
        const name = from.split('/', from.startsWith('@') ? 2 : 1).join('/')
        if (!packages.has(name)) breaches.push(`${place}: \`${name}\` is not among the dependencies of package.json`)
        continue
      }
      const target = normalize(join(dirname(path), from))
      if (!isType && !isLazy) targets.push(target)
      if (isTest(target)) breaches.push(`${place}: ${target} is for tests`)
      const to = folderOf(target)
      if (to === undefined) {
        if (folder !== undefined && from.endsWith('.ts')) breaches.push(`${place}: ${target} is outside the folders`)
        continue
      }
      if (
        rule === undefined ||
        to === folder ||
        rule.run.includes(to) ||
        rule.run.includes(target.slice('src/'.length))
      )
        continue
      if (rule.type?.includes(to)) {
        if (!isType) breaches.push(`${place}: ${folder} may import only types from ${to}: ${rule.why}`)
        continue
      }
      breaches.push(
        to === 'cli'
          ? `${place}: nobody imports cli: move what is shared below agent/ or further down`
          : `${place}: ${folder} may not import ${to}: ${rule.why}`,
      )
    }
    runImports.set(path, targets)
  }
  const cycle = findCycle(runImports)
  if (cycle !== undefined) breaches.push(`${cycle[0]}:1: import cycle: ${cycle.join(' → ')}`)
  return breaches
}

if (import.meta.main) {
  const root = fileURLToPath(new URL('..', import.meta.url))
  const files = new Map(
    globSync('src/**/*.ts', { cwd: root })
      .sort()
      .map(path => [path, readFileSync(join(root, path), 'utf8')]),
  )
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { dependencies?: object }
  const breaches = findBreaches(files, new Set(Object.keys(manifest.dependencies ?? {})))
  for (const breach of breaches) console.error(breach)
  if (breaches.length > 0) process.exitCode = 1
  else console.log(`import table: ${files.size} files, no breach`)
}
