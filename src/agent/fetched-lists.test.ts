import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fetchNameList } from '../domains/fetch-name-list.ts'
import type { NameList } from '../domains/name-list.ts'
import type { NameListConfig } from './config-name-lists.ts'
import { type NameListNews, NameLists, type NameListsOptions } from './name-lists.ts'

// Lists from URLs, with a real server on loopback: what goes wrong leaves the names that are there.

const root = mkdtempSync(join(tmpdir(), 'tiercel-fetched-'))
after(() => rmSync(root, { recursive: true }))

type Answer = (request: IncomingMessage, response: ServerResponse) => void

class Bench implements AsyncDisposable {
  answer: Answer
  readonly requests: IncomingMessage[] = []
  readonly news: NameListNews[] = []
  readonly trouble: string[] = []
  readonly cacheFolder: string
  list: NameList | undefined
  origin = ''
  nowMs = 1_700_000_000_000
  lists: NameLists
  readonly #server = createServer((request, response) => {
    this.requests.push(request)
    this.answer(request, response)
  })
  readonly #waiting: (() => void)[] = []

  constructor(answer: Answer, cacheFolder = mkdtempSync(join(root, 'cache-'))) {
    this.answer = answer
    this.cacheFolder = cacheFolder
    this.lists = this.open()
  }

  open(more: Partial<NameListsOptions> = {}): NameLists {
    this.lists = new NameLists({
      use: (_name, list) => {
        this.list = list
      },
      tell: news => {
        this.news.push(news)
        for (const go of this.#waiting.splice(0)) go()
      },
      onTrouble: message => this.trouble.push(message),
      now: () => this.nowMs,
      cacheFolder: this.cacheFolder,
      fetches: true,
      waitsForNewest: true,
      random: () => 0.5,
      idleMs: 300,
      ...more,
    })
    return this.lists
  }

  async listen(): Promise<this> {
    await new Promise<void>(resolve => this.#server.listen(0, '127.0.0.1', resolve))
    this.origin = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
    return this
  }

  config(path = '/list.txt', more: Partial<NameListConfig> = {}): NameListConfig {
    const url = path.startsWith('/') ? this.origin + path : path
    return { name: 'threats', file: '', url, format: 'auto', match: 'exact', refreshMs: 3_600_000, ...more }
  }

  async load(config: NameListConfig = this.config()): Promise<NameListNews> {
    this.lists.set([config], false)
    await this.lists.ready()
    return this.news.at(-1)!
  }

  async until(isTrue: () => boolean): Promise<void> {
    while (!isTrue()) await new Promise<void>(resolve => this.#waiting.push(resolve))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.lists.close()
    this.#server.closeAllConnections()
    await new Promise(resolve => this.#server.close(resolve))
  }
}

const send =
  (body: string, headers: Record<string, string> = {}, status = 200): Answer =>
  (_request, response) =>
    response.writeHead(status, headers).end(body)

test('fetched lists: names come, a copy is kept, and the next start has it without the server', async () => {
  await using bench = await new Bench(send('bad.example\nworse.example\n', { etag: '"1"' })).listen()
  const news = await bench.load()
  assert.partialDeepStrictEqual(news, { kind: 'loaded', from: `${bench.origin}/list.txt`, report: { names: 2 } })
  assert.ok(bench.list?.has('worse.example'))
  assert.deepEqual(readdirSync(bench.cacheFolder).toSorted(), ['threats.json', 'threats.list'])
  bench.lists.close()

  bench.answer = send('', {}, 503)
  bench.list = undefined
  bench.nowMs += 7_200_000
  bench.open({ waitsForNewest: false })
  const restarted = await bench.load()
  assert.partialDeepStrictEqual(restarted, { kind: 'loaded', copyAgeMs: 7_200_000 })
  assert.ok(bench.lists.figures()[0]!.loadedMs < bench.nowMs, 'as old as the copy')
  await bench.until(() => bench.news.at(-1)!.kind === 'failed')
  assert.partialDeepStrictEqual(bench.news.at(-1), { cause: 'the server answers 503', kept: 2 })
  assert.ok((bench.list as NameList | undefined)?.has('worse.example'))
})

test('fetched lists: only what is newer is asked for', async () => {
  const stamp = 'Sat, 21 Nov 2026 08:00:00 GMT'
  await using bench = await new Bench(send('bad.example\n', { etag: '"1"', 'last-modified': stamp })).listen()
  await bench.load()
  assert.equal(bench.requests[0]!.headers['if-none-match'], undefined)
  bench.answer = send('', {}, 304)
  bench.nowMs += 5000
  bench.lists.reload()
  await bench.lists.ready()
  const { headers } = bench.requests[1]!
  assert.deepEqual([headers['if-none-match'], headers['if-modified-since']], ['"1"', stamp])
  assert.equal(bench.news.length, 1, 'nothing new')
  assert.equal(bench.lists.figures()[0]!.loadedMs, bench.nowMs)
  bench.answer = send('new.example\n', { etag: '"2"' })
  bench.lists.reload()
  await bench.lists.ready()
  assert.ok(bench.list?.has('new.example') && !bench.list.has('bad.example'))
})

const failures: readonly { readonly name: string; readonly answer: Answer; readonly cause: RegExp }[] = [
  { name: 'not found', answer: send('no', {}, 404), cause: /^the server answers 404$/ },
  { name: 'nothing at all', answer: () => {}, cause: /^nothing comes for 0\.3 s$/ },
  { name: 'an empty answer', answer: send(''), cause: /^it is empty$/ },
  { name: 'comments alone', answer: send('# nothing today\n'), cause: /^it is empty$/ },
  {
    name: 'a sign-in page',
    answer: send('<html>\n<p>Sign in</p>\n'),
    cause: /^2 of 2 lines are not understood as plain: line 1 is not a domain name$/,
  },
  {
    name: 'a size over the bound',
    answer: send('a', { 'content-length': '999999999' }),
    cause: /^it has more than 256 MiB$/,
  },
  {
    name: 'a compressed answer',
    answer: send('x', { 'content-encoding': 'gzip' }),
    cause: /^it is compressed \(gzip\)$/,
  },
  {
    name: 'an answer that breaks off',
    answer: (_request, response) => {
      response.writeHead(200, { 'content-length': '1000' })
      response.write('a.example\nb.example\n', () => response.destroy())
    },
    cause: /^ECONNRESET$/,
  },
  {
    name: 'redirects in a circle',
    answer: send('', { location: '/list.txt' }, 302),
    cause: /^the server redirects more than 5 times$/,
  },
  {
    name: 'a redirect to a file',
    answer: send('', { location: 'file:///etc/passwd' }, 302),
    cause: /^the server redirects to what is no web address$/,
  },
  { name: 'a redirect to nowhere', answer: send('', {}, 301), cause: /^the server (?:answers 301|redirects)/ },
]

for (const c of failures) {
  test(`fetched lists: ${c.name} leaves the names and their copy`, async () => {
    await using bench = await new Bench(send('good.example\n', { etag: '"good"' })).listen()
    await bench.load()
    const copy = readFileSync(join(bench.cacheFolder, 'threats.list'), 'utf8')
    bench.answer = c.answer
    bench.lists.reload()
    await bench.lists.ready()
    const news = bench.news.at(-1)!
    assert.ok(news.kind === 'failed')
    assert.match(news.cause, c.cause)
    assert.equal(news.kept, 1)
    assert.ok(bench.list?.has('good.example'))
    assert.equal(readFileSync(join(bench.cacheFolder, 'threats.list'), 'utf8'), copy)
    assert.deepEqual(readdirSync(bench.cacheFolder).toSorted(), ['threats.json', 'threats.list'])
    assert.equal(bench.lists.figures()[0]!.failures, 1)
  })
}

test('fetched lists: a server that is gone, and one that does not speak TLS', async () => {
  await using bench = await new Bench(send('good.example\n')).listen()
  const tls = await bench.load(bench.config(`${bench.origin.replace('http:', 'https:')}/list.txt`))
  assert.ok(tls.kind === 'failed')
  assert.match(tls.cause, /^(?:EPROTO|ERR_SSL_\w+|ECONNRESET)$/)
  assert.equal(tls.kept, undefined)
  const gone = await bench.load(bench.config('http://127.0.0.1:9/list.txt'))
  assert.partialDeepStrictEqual(gone, { kind: 'failed', cause: 'ECONNREFUSED' })
})

test('fetched lists: a certificate that nobody here trusts, and a redirect to where anybody could listen', async t => {
  const tlsFile = (name: string): Buffer => readFileSync(new URL(`../outputs/testdata/tls/${name}`, import.meta.url))
  const server = createTlsServer({ cert: tlsFile('server.crt'), key: tlsFile('server.key') }, (_request, response) => {
    response.writeHead(302, { location: 'http://127.0.0.1:9/' }).end()
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const url = `https://localhost:${(server.address() as AddressInfo).port}/list.txt`
  await using bench = await new Bench(send('')).listen()
  assert.partialDeepStrictEqual(await bench.load(bench.config(url)), {
    kind: 'failed',
    cause: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  })
  const outcome = await fetchNameList(
    {
      url,
      folder: bench.cacheFolder,
      name: 'x',
      now: Date.now,
      seed: 1,
      format: 'auto',
      match: 'exact',
      ca: tlsFile('ca.crt'),
    },
    message => assert.fail(message),
  )
  assert.deepEqual(outcome, {
    kind: 'failed',
    cause: 'the server redirects from https to http://127.0.0.1:9, which anybody could change',
  })
})

test('fetched lists: redirects are followed, and the password stays between us', async () => {
  await using bench = await new Bench((request, response) => {
    if (request.url === '/old') response.writeHead(301, { location: '/new?x=1' }).end()
    else response.writeHead(200).end('bad.example\n')
  }).listen()
  const news = await bench.load(bench.config(`${bench.origin.replace('//', '//me:secret@')}/old?token=secret`))
  assert.partialDeepStrictEqual(news, { kind: 'loaded', from: `${bench.origin}/old` })
  assert.equal(bench.requests[0]!.headers.authorization, `Basic ${btoa('me:secret')}`)
  assert.ok(!JSON.stringify(bench.news).includes('secret'))
  assert.ok(!readFileSync(join(bench.cacheFolder, 'threats.json'), 'utf8').includes('secret'))
})

test('fetched lists: after a failure it is asked again soon', async () => {
  await using bench = await new Bench(send('', {}, 500)).listen()
  bench.open({ retryMs: 20 })
  await bench.load()
  bench.answer = send('good.example\n')
  await bench.until(() => bench.news.at(-1)!.kind === 'loaded')
  assert.ok(bench.list?.has('good.example'))
})

test('fetched lists: where no copy can be kept, the names are used all the same', async () => {
  const file = join(root, 'a-file')
  writeFileSync(file, '')
  await using bench = await new Bench(send('good.example\n'), join(file, 'below')).listen()
  const news = await bench.load()
  assert.equal(news.kind, 'loaded')
  assert.match(bench.trouble[0]!, /^no copy of the list `threats` can be kept in .*: ENOTDIR$/)
})

test('fetched lists: a copy of another URL, or a broken one, is not taken', async () => {
  await using bench = await new Bench(send('good.example\n')).listen()
  await bench.load()
  bench.lists.close()
  bench.answer = send('', {}, 500)
  bench.list = undefined
  bench.open()
  await bench.load(bench.config('/other.txt'))
  assert.equal(bench.list, undefined)
  bench.lists.close()
  writeFileSync(join(bench.cacheFolder, 'threats.json'), '{"version":1,')
  bench.open()
  await bench.load()
  assert.equal(bench.list, undefined)
})

test('fetched lists: a replay takes the copy, and asks nobody', async () => {
  await using bench = await new Bench(send('good.example\n')).listen()
  bench.open({ fetches: false })
  const none = await bench.load()
  assert.partialDeepStrictEqual(none, {
    kind: 'failed',
    cause: 'there is no copy of it, and nothing is fetched here (`tiercel check` fetches)',
  })
  assert.equal(bench.requests.length, 0)
  bench.lists.close()
  bench.open()
  await bench.load()
  bench.lists.close()
  bench.open({ fetches: false })
  assert.equal((await bench.load()).kind, 'loaded')
  assert.equal(bench.requests.length, 1)
  assert.ok(existsSync(join(bench.cacheFolder, 'threats.list')))
})
