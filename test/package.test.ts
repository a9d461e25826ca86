import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'

/* The npm package: what `npm pack` makes, unpacked below a node_modules as npm would, with no network. */

const root = fileURLToPath(new URL('..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'tiercel-package-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const modules = join(folder, 'node_modules')

function run(
  command: string,
  args: readonly string[],
  cwd = folder,
): { code: number | null; out: string; err: string } {
  const env = { ...process.env, HOME: folder, XDG_CACHE_HOME: join(folder, 'cache'), npm_config_loglevel: 'error' }
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, env, encoding: 'utf8' })
  return { code: status, out: stdout, err: stderr }
}

function install(): void {
  const packed = run('npm', ['pack', '--pack-destination', folder], root)
  assert.equal(packed.code, 0, packed.err)
  mkdirSync(modules)
  const tarball = readdirSync(folder).find(name => name.endsWith('.tgz'))!
  assert.equal(run('tar', ['-xzf', tarball]).code, 0)
  run('mv', ['package', join(modules, 'tiercel')])
  for (const name of ['picocolors', 're2js']) symlinkSync(join(root, 'node_modules', name), join(modules, name))
}

test('the package holds what it needs, and no tests', { timeout: 120_000 }, () => {
  install()
  const inside = join(modules, 'tiercel')
  for (const path of [
    'bin/tiercel',
    'dist/cli/main.js',
    'dist/index.js',
    'dist/index.d.ts',
    'docs/errors.md',
    'rules/host.yaml',
    'samples/container.scap',
  ]) {
    assert.ok(existsSync(join(inside, path)), `${path} is missing`)
  }
  const files = run('find', [inside, '-type', 'f']).out.split('\n')
  assert.deepEqual(
    files.filter(path => path.includes('.test.') || path.includes('/testdata/') || /\/src\//.test(path)),
    [],
  )
})

test('its program replays the samples', () => {
  const { code, out, err } = run(join(modules, 'tiercel/bin/tiercel'), ['demo'])
  assert.equal(code, 0, err)
  assert.match(out, /Critical A connection to a mining pool \(name=xmr-eu1\.nanopool\.org /)
  const next = err.slice(err.indexOf('What next'))
  assert.match(
    next,
    /\n {2}\.\/node_modules\/tiercel\/bin\/tiercel replay node_modules\/tiercel\/samples\/container\.scap\n/,
  )
})

test('its library is imported by name', () => {
  writeFileSync(
    join(folder, 'use.mjs'),
    `import { compileRules, eventLookup, fieldLookup } from 'tiercel'
     const text = '- rule: r\\n  desc: d\\n  condition: evt.type = open\\n  output: o\\n  priority: INFO\\n'
     const { plan } = compileRules([{ path: 'a.yaml', text }], { fields: fieldLookup, events: eventLookup })
     console.log(plan.rules[0].name)`,
  )
  const { out, err } = run(process.execPath, ['use.mjs'])
  assert.equal(err, '')
  assert.equal(out, 'r\n')
})
