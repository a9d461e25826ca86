import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { NameList } from '../domains/name-list.ts'
import type { NameListConfig } from './config-name-lists.ts'
import { type NameListNews, NameLists, type NameListsOptions } from './name-lists.ts'

const folder = mkdtempSync(join(tmpdir(), 'tiercel-lists-'))
after(() => rmSync(folder, { recursive: true }))

const NOW_MS = 1_700_000_000_000

class Bench implements Disposable {
  readonly lists: NameLists
  readonly inUse: Map<string, NameList> = new Map()
  readonly news: NameListNews[] = []
  readonly #waiting: (() => void)[] = []

  constructor(more: Partial<NameListsOptions> = {}) {
    this.lists = new NameLists({
      use: (name, list) => this.inUse.set(name, list),
      tell: news => {
        this.news.push(news)
        for (const go of this.#waiting.splice(0)) go()
      },
      onTrouble: message => assert.fail(message),
      now: () => NOW_MS,
      cacheFolder: join(folder, 'cache'),
      fetches: true,
      ...more,
    })
  }

  holds(list: string, name: string): boolean {
    return this.inUse.get(list)?.has(name) ?? false
  }

  /** Waits until `isTrue` after some news. */
  async until(isTrue: () => boolean): Promise<void> {
    while (!isTrue()) await new Promise<void>(resolve => this.#waiting.push(resolve))
  }

  [Symbol.dispose](): void {
    this.lists.close()
  }
}

function file(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

function config(name: string, path: string, more: Partial<NameListConfig> = {}): NameListConfig {
  return { name, file: path, url: '', format: 'auto', match: 'exact', refreshMs: 3_600_000, ...more }
}

test('name lists: loaded, with what is told of each', async () => {
  using bench = new Bench()
  const good = file('good.txt', 'a.example\nB.example.\n')
  const hosts = file('hosts.txt', '0.0.0.0 c.example\n127.0.0.1 localhost\n0.0.0.0\n0.0.0.0 d.example\n')
  bench.lists.set([config('good', good), config('hosts', hosts, { match: 'subdomains' })], false)
  await bench.lists.ready()
  assert.ok(bench.holds('good', 'b.example') && !bench.holds('good', 'x.b.example'))
  assert.ok(bench.holds('hosts', 'x.c.example'))
  const told = bench.news.toSorted((a, b) => (a.name < b.name ? -1 : 1))
  assert.partialDeepStrictEqual(told, [
    { kind: 'loaded', name: 'good', from: good, report: { names: 2, refused: 0, format: 'plain' } },
    { kind: 'loaded', name: 'hosts', from: hosts, report: { names: 2, refused: 1, ignored: 1, format: 'hosts' } },
  ])
  assert.deepEqual(bench.lists.figures(), [
    { name: 'good', names: 2, refused: 0, leftOut: 0, loadedMs: NOW_MS, loads: 1, failures: 0 },
    { name: 'hosts', names: 2, refused: 1, leftOut: 0, loadedMs: NOW_MS, loads: 1, failures: 0 },
  ])
})

const failing: readonly { readonly name: string; readonly path: () => string; readonly cause: RegExp }[] = [
  { name: 'a file that is not there', path: () => join(folder, 'none.txt'), cause: /^ENOENT$/ },
  { name: 'a folder', path: () => folder, cause: /^(?:EISDIR|it is not a file)$/ },
  { name: 'a device', path: () => '/dev/zero', cause: /^it is not a file$/ },
  {
    name: 'what is no list',
    path: () => file('page.html', '<html>\n<body>Sign in</body>\n</html>\n'),
    cause: /^3 of 3 lines are not understood as plain: line 1 is not a domain name$/,
  },
]

for (const c of failing) {
  test(`name lists: ${c.name} is told, and leaves the list empty`, async () => {
    using bench = new Bench()
    bench.lists.set([config('l', c.path())], true)
    await bench.lists.ready()
    const [news, ...more] = bench.news
    assert.equal(more.length, 0)
    assert.ok(news?.kind === 'failed')
    assert.match(news.cause, c.cause)
    assert.equal(news.kept, undefined)
    assert.equal(bench.inUse.size, 0)
    assert.equal(bench.lists.figures()[0]!.failures, 1)
  })
}

test('name lists: a file that changes is read again; what is broken leaves the names', async () => {
  using bench = new Bench()
  const own = join(folder, 'changing')
  mkdirSync(own)
  const path = join(own, 'list.txt')
  writeFileSync(path, 'a.example\n')
  bench.lists.set([config('l', path)], true)
  await bench.lists.ready()
  // As editors and downloads do it: another file takes its place.
  writeFileSync(join(own, 'new'), 'b.example\nc.example\n')
  renameSync(join(own, 'new'), path)
  await bench.until(() => bench.holds('l', 'b.example'))
  assert.ok(!bench.holds('l', 'a.example'))
  rmSync(path)
  await bench.until(() => bench.news.at(-1)!.kind === 'failed')
  assert.partialDeepStrictEqual(bench.news.at(-1), { cause: 'ENOENT', kept: 2 })
  assert.ok(bench.holds('l', 'b.example'))
  writeFileSync(path, 'd.example\n')
  await bench.until(() => bench.holds('l', 'd.example'))
})

test('name lists: a new configuration: what stays is not read again, what goes is empty', async () => {
  using bench = new Bench()
  const [a, b] = [file('a.txt', 'a.example'), file('b.txt', 'b.example')]
  bench.lists.set([config('a', a), config('b', b)], false)
  await bench.lists.ready()
  bench.lists.add([config('a', a), config('b', a)], false)
  await bench.lists.ready()
  assert.deepEqual(
    bench.lists.figures().map(({ name, loads }) => [name, loads]),
    [
      ['a', 1],
      ['b', 1],
    ],
  )
  assert.ok(bench.holds('b', 'a.example'), 'the same name, another file')
  bench.lists.set([config('a', a)], false)
  assert.equal(bench.inUse.get('b')!.size, 0)
  bench.lists.reload()
  await bench.lists.ready()
  assert.equal(bench.lists.figures()[0]!.loads, 2)
})

test('name lists: asked again while it loads, it loads once more', async () => {
  using bench = new Bench()
  bench.lists.set([config('l', file('again.txt', 'a.example'))], false)
  for (let i = 0; i < 5; i++) bench.lists.reload()
  await bench.lists.ready()
  assert.equal(bench.lists.figures()[0]!.loads, 2)
})

test('name lists: closed while it loads, it says nothing', async () => {
  const bench = new Bench()
  bench.lists.set([config('l', file('closed.txt', 'a.example'))], false)
  bench.lists.close()
  await bench.lists.ready()
  assert.deepEqual(bench.news, [])
})
