import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import type { Config } from './config.ts'
import { type LoadedConfig, loadConfig } from './load-config.ts'

type Files = Readonly<Record<string, string>>

/** Loads `main.yaml` of some files; `DIR` in them and in the options is the folder that holds them. */
function load(files: Files, overrides: readonly string[] = []): LoadedConfig & { readonly dir: string } {
  const dir = mkdtempSync(join(tmpdir(), 'tiercel-'))
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true })
    writeFileSync(join(dir, name), text.replaceAll('DIR', dir))
  }
  try {
    const file = join(dir, 'main.yaml')
    const options = overrides.map(text => text.replaceAll('DIR', dir))
    return { ...loadConfig({ file, overrides: options, env: {}, hostname: 'host' }), dir }
  } finally {
    rmSync(dir, { recursive: true })
  }
}

const on = 'stdout_output: { enabled: true }\n'
const c2 = 'syscall_event_drops: { rate: 2 }\nrules_files: [two.yaml]\n'
const c3 = 'falco_libs: { snaplen: 3 }\n'

/** What the rows look at: two maps, a list, a single value. */
function pick({ falcoLibs, rate, rules, priority }: ReturnType<typeof view>): unknown[] {
  return [falcoLibs, rate, rules, priority]
}

function view(config: Config) {
  return {
    falcoLibs: [config.snaplen, config.threadTable.size],
    rate: config.eventDrops.rate,
    rules: config.rulesFiles,
    priority: config.minPriority,
  }
}

// The rows follow the facts of Falco's own test of config_files.
const cases: readonly {
  readonly name: string
  readonly files: Files
  readonly overrides?: readonly string[]
  /** [snaplen, thread table], rate, rules_files, priority. */
  readonly want: readonly unknown[]
  readonly read: readonly string[]
  readonly findings?: readonly string[]
}[] = [
  {
    name: 'further files add keys and replace maps as a whole',
    files: {
      'main.yaml': `${on}config_files: [DIR/c2.yaml, DIR/c3.yaml]\nfalco_libs: { snaplen: 1, thread_table_size: 99 }\n`,
      'c2.yaml': c2,
      'c3.yaml': c3,
      'c4.yaml': 'priority: error\n',
    },
    want: [[3, 262_144], 2, ['two.yaml'], 7],
    read: ['main.yaml', 'c2.yaml', 'c3.yaml'],
  },
  {
    name: 'lists are appended to, unless told otherwise',
    files: { 'main.yaml': `${on}config_files: [DIR/c2.yaml]\nrules_files: [one.yaml]\n`, 'c2.yaml': c2 },
    want: [[0, 262_144], 2, ['one.yaml', 'two.yaml'], 7],
    read: ['main.yaml', 'c2.yaml'],
  },
  {
    name: 'strategy append',
    files: {
      'main.yaml': `${on}config_files:\n  - path: DIR/c2.yaml\n    strategy: append\nrules_files: [one.yaml]\n`,
      'c2.yaml': c2,
    },
    want: [[0, 262_144], 2, ['one.yaml', 'two.yaml'], 7],
    read: ['main.yaml', 'c2.yaml'],
  },
  {
    name: 'strategy override replaces lists too',
    files: {
      'main.yaml': `${on}config_files:\n  - path: DIR/c2.yaml\n    strategy: override\nrules_files: [one.yaml]\n`,
      'c2.yaml': c2,
    },
    want: [[0, 262_144], 2, ['two.yaml'], 7],
    read: ['main.yaml', 'c2.yaml'],
  },
  {
    name: 'strategy add-only leaves what is there',
    files: {
      'main.yaml': `${on}config_files:\n  - path: DIR/c2.yaml\n    strategy: add-only\nrules_files: [one.yaml]\n`,
      'c2.yaml': c2,
    },
    want: [[0, 262_144], 2, ['one.yaml'], 7],
    read: ['main.yaml', 'c2.yaml'],
  },
  {
    name: 'another strategy is an error, and append',
    files: {
      'main.yaml': `${on}config_files:\n  - path: DIR/c2.yaml\n    strategy: overide\nrules_files: [one.yaml]\n`,
      'c2.yaml': c2,
    },
    want: [[0, 262_144], 2, ['one.yaml', 'two.yaml'], 7],
    read: ['main.yaml', 'c2.yaml'],
    findings: ['main.yaml:4:15: E0304: `config_files.strategy` cannot be `overide`'],
  },
  {
    name: 'a file that does not exist is left out with a warning',
    files: { 'main.yaml': `${on}config_files: [DIR/c5.yaml]\nfalco_libs: { snaplen: 1 }\n` },
    want: [[1, 262_144], 0.03333, [], 7],
    read: ['main.yaml'],
    findings: ['main.yaml:2:16: W0305: the configuration file `DIR/c5.yaml` does not exist'],
  },
  {
    name: 'a single path need not be a list',
    files: { 'main.yaml': `${on}config_files: DIR/c3.yaml\n`, 'c3.yaml': c3 },
    want: [[3, 262_144], 0.03333, [], 7],
    read: ['main.yaml', 'c3.yaml'],
  },
  {
    name: 'no paths are fine',
    files: { 'main.yaml': `${on}config_files:\n` },
    want: [[0, 262_144], 0.03333, [], 7],
    read: ['main.yaml'],
  },
  {
    name: 'the main file cannot name itself',
    files: { 'main.yaml': `${on}config_files: [DIR/main.yaml]\n` },
    want: [[0, 262_144], 0.03333, [], 7],
    read: ['main.yaml'],
    findings: ['main.yaml:2:16: E0306: the configuration file `DIR/main.yaml` names itself in `config_files`'],
  },
  {
    name: 'a further file cannot name others',
    files: {
      'main.yaml': `${on}config_files: [DIR/c2.yaml]\n`,
      'c2.yaml': 'config_files: [DIR/c3.yaml]\n',
      'c3.yaml': c3,
    },
    want: [[0, 262_144], 0.03333, [], 7],
    read: ['main.yaml', 'c2.yaml'],
    findings: ['c2.yaml:1:1: E0306: `config_files` in a file that is itself named by `config_files`'],
  },
  {
    name: 'a folder gives its files in the order of their names, not those of folders in it',
    files: {
      'main.yaml': `${on}config_files: DIR/d\n`,
      'd/b.yaml': 'priority: error\n',
      'd/a.yaml': 'priority: alert\nfalco_libs: { snaplen: 3 }\n',
      'd/deep/c.yaml': 'priority: critical\n',
    },
    want: [[3, 262_144], 0.03333, [], 3],
    read: ['main.yaml', 'd/a.yaml', 'd/b.yaml'],
  },
  {
    name: 'an option can name further files, and options win over them',
    files: { 'main.yaml': `${on}priority: error\n`, 'c2.yaml': 'priority: alert\nfalco_libs: { snaplen: 3 }\n' },
    overrides: ['falco_libs.snaplen=8', 'config_files=DIR/c2.yaml'],
    want: [[8, 262_144], 0.03333, [], 1],
    read: ['main.yaml', 'c2.yaml'],
  },
  {
    name: 'a further file that does not parse is left out with an error',
    files: { 'main.yaml': `${on}config_files: [DIR/c2.yaml, DIR/c3.yaml]\n`, 'c2.yaml': 'a: [1', 'c3.yaml': c3 },
    want: [[3, 262_144], 0.03333, [], 7],
    read: ['main.yaml', 'c2.yaml', 'c3.yaml'],
    findings: ['c2.yaml:1:4: E0302: `[` that is never closed'],
  },
]

for (const c of cases) {
  test(`config_files: ${c.name}`, () => {
    const { config, findings, files, dir } = load(c.files, c.overrides)
    assert.deepEqual(pick(view(config)), c.want)
    assert.deepEqual(
      files,
      c.read.map(name => join(dir, name)),
    )
    assertFindings(findings, c.findings ?? [], dir)
  })
}

/** `file:line:column: code: message`, the message as far as the row gives it. */
function assertFindings(findings: LoadedConfig['findings'], want: readonly string[], dir: string): void {
  const got = findings.map(({ code, message, source, span }, i) => {
    const before = source.text.slice(0, span.start).split('\n')
    const text = `${source.path}:${before.length}:${before.at(-1)!.length + 1}: ${code}: ${message}`
    const shown = text.replaceAll(`${dir}/`, 'DIR/').replace('DIR/', '')
    const row = want[i]
    return row !== undefined && shown.startsWith(row) ? row : shown
  })
  assert.deepEqual(got, want)
}

test('a folder of files is named, to be watched', () => {
  const { folders, dir } = load({ 'main.yaml': `${on}config_files: DIR/d\n`, 'd/a.yaml': '' })
  assert.deepEqual(folders, [join(dir, 'd')])
})

test('without a file, alerts go to standard output, and options apply', () => {
  const { config, findings, files } = loadConfig({ env: {}, overrides: ['json_output=true', 'priority=info'] })
  assert.deepEqual(
    [config.outputs.stdout, config.jsonOutput, config.format.json, config.minPriority],
    [true, true, true, 6],
  )
  assert.deepEqual([findings, files], [[], []])
})

test('with a file, only what it enables is on', () => {
  const { config, findings } = load({ 'main.yaml': 'json_output: true\n' })
  assert.equal(config.outputs.stdout, false)
  assert.deepEqual(
    findings.map(({ code }) => code),
    ['W0307'],
  )
})

test('of a file that is no YAML nothing else is said', () => {
  const { findings } = load({ 'main.yaml': 'json_output: [\n' })
  assert.deepEqual(
    findings.map(({ code }) => code),
    ['E0302'],
  )
})

const unreadable = [
  {
    name: 'a file that is not there',
    file: '/nowhere/tiercel.yaml',
    message: /cannot read .*`\/nowhere\/tiercel.yaml`: ENOENT/,
  },
  { name: 'a folder', file: tmpdir(), message: /it is not a file/ },
  { name: 'a device', file: '/dev/zero', message: /it is not a file/ },
] as const

for (const c of unreadable) {
  test(`the main file: ${c.name} is an error`, () => {
    const { findings } = loadConfig({ file: c.file, env: {} })
    const [first] = findings.filter(({ severity }) => severity === 'error')
    assert.equal(first?.code, 'E0301')
    assert.match(first.message, c.message)
  })
}

test('a file that is too large is an error', () => {
  const { findings } = load({ 'main.yaml': `${on}# ${'x'.repeat(4 * 1024 * 1024)}\n` })
  assert.equal(findings.find(({ severity }) => severity === 'error')?.code, 'E0301')
})
