import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { loadConfig } from '../src/agent/load-config.ts'

/* What the papers say is so: the README's rule gives the README's alerts, and links lead somewhere. */

const root = fileURLToPath(new URL('..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'tiercel-readme-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const readme = readFileSync(join(root, 'README.md'), 'utf8')
const blocks = [...readme.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].map(m => ({
  kind: m[1]!,
  text: m[2]!,
  end: m.index + m[0].length,
}))

test('the rule in the README gives the alerts below it, by line 20', () => {
  const [rule, alerts] = blocks
  assert.equal(rule?.kind, 'yaml')
  assert.ok(readme.slice(0, alerts!.end).split('\n').length <= 20)
  writeFileSync(join(folder, 'readme.yaml'), rule!.text)
  const args = [
    'replay',
    'samples/network.scap',
    '-r',
    join(folder, 'readme.yaml'),
    '--bindings',
    'samples/names.ndjson',
    '-q',
  ]
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', 'src/cli/main.ts', ...args],
    { cwd: root, env: { ...process.env, TZ: 'UTC' }, encoding: 'utf8' },
  )
  assert.equal(stderr, '')
  assert.equal(stdout, alerts!.text)
})

test('every key of our own is in the page about the configuration, and its example has no finding', () => {
  const page = readFileSync(join(root, 'docs/configuration.md'), 'utf8')
  const keys = readFileSync(join(root, 'src/agent/testdata/all-keys.yaml'), 'utf8')
  const own = [...keys.slice(keys.indexOf('\ndomains:')).matchAll(/^ {2}(\w+):|[{,] (\w+):(?=[^}]*\}$)/gm)].map(
    m => m[1] ?? m[2],
  )
  for (const key of ['list_limit', 'wait_for_name_ms', 'syslog_socket']) assert.ok(own.includes(key), key)
  assert.deepEqual(
    own.filter(
      key =>
        !page.includes(`| \`${key}\` |`) &&
        !readFileSync(join(root, 'docs/name-lists.md'), 'utf8').includes(`| \`${key}\` |`),
    ),
    [],
  )
  assert.deepEqual(loadConfig({ file: join(root, 'packaging/tiercel.yaml'), env: {} }).findings, [])
})

test('links between the documents lead to files that are there', () => {
  const pages = globSync('{*.md,{docs,rules,samples,src,bench,test,native}/**/*.md}', { cwd: root })
  assert.ok(pages.length > 10)
  const broken: string[] = []
  for (const page of pages) {
    const text = readFileSync(join(root, page), 'utf8').replace(/^```[\s\S]*?^```$/gm, '')
    for (const [, target] of text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)) {
      if (!/^\w+:/.test(target!) && !existsSync(join(root, dirname(page), target!))) broken.push(`${page}: ${target}`)
    }
  }
  assert.deepEqual(broken, [])
})
