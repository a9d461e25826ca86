import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import * as http from 'node:http'
import * as https from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TLSSocket } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { arrived, messagesOf, runSinkSuite, type SinkTarget } from '../testdata/sink-suite.ts'
import { type HttpSinkOptions, openHttpSink } from './http-sink.ts'
import { SinkError } from './sink.ts'

const tlsDir = fileURLToPath(new URL('../testdata/tls/', import.meta.url))
const pem = (name: string): Buffer => readFileSync(tlsDir + name)

const defaults: Omit<HttpSinkOptions, 'url'> = {
  json: true,
  userAgent: 'tiercel',
  insecure: false,
  caCert: '',
  caBundle: '',
  caPath: '',
  mtls: false,
  clientCert: `${tlsDir}client.crt`,
  clientKey: `${tlsDir}client.key`,
  compressUploads: false,
  maxConsecutiveTimeouts: 1,
  timeoutMs: 4_000,
}

interface Request {
  readonly method: string
  readonly url: string
  readonly headers: http.IncomingHttpHeaders
  readonly body: string
  readonly client: string
}

interface Server extends SinkTarget {
  readonly requests: Request[]
  readonly connections: () => number
}

/** A server on loopback that keeps what it gets; `answer` may decide what it says, by the number of the request. */
async function openServer(
  options: Partial<HttpSinkOptions> & {
    readonly tls?: https.ServerOptions
    readonly answer?: (request: Request, count: number) => { status: number; body?: string } | undefined
  } = {},
): Promise<Server> {
  const requests: Request[] = []
  let connections = 0
  let hang = false
  const handler = (req: http.IncomingMessage, res: http.ServerResponse): void => {
    const chunks: Buffer[] = []
    req.on('data', chunk => chunks.push(chunk))
    req.on('end', () => {
      const raw = Buffer.concat(chunks)
      const body = (req.headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw).toString('utf8')
      const client = `${(req.socket as TLSSocket).getPeerCertificate?.()?.subject?.CN ?? ''}`
      const request = { method: req.method ?? '', url: req.url ?? '', headers: req.headers, body, client }
      requests.push(request)
      const answer = options.answer?.(request, requests.length) ?? { status: 200 }
      if (!hang && answer.status !== 0) res.writeHead(answer.status).end(answer.body ?? 'ok')
    })
  }
  const start = (port: number): Promise<http.Server> =>
    new Promise(resolve => {
      const server = options.tls ? https.createServer(options.tls, handler) : http.createServer(handler)
      server.on(options.tls ? 'secureConnection' : 'connection', () => connections++)
      server.listen(port, '127.0.0.1', () => resolve(server))
    })
  const stop = (): Promise<void> =>
    new Promise(resolve => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  let server = await start(0)
  const { port } = server.address() as AddressInfo
  const url = `${options.tls ? 'https' : 'http'}://127.0.0.1:${port}/hook?token=secret`
  return {
    requests,
    connections: () => connections,
    sink: openHttpSink({ ...defaults, url, ...options }),
    lines: () => requests.map(request => request.body),
    breakIt: stop,
    mendIt: async () => {
      server = await start(port)
    },
    blockIt: () => {
      hang = true
    },
    dispose: stop,
  }
}

const serverTls = { cert: pem('server.crt'), key: pem('server.key') }
const mutualTls = { ...serverTls, ca: pem('ca.crt'), requestCert: true, rejectUnauthorized: true }
const trusted = { caCert: `${tlsDir}ca.crt` }

runSinkSuite({ name: 'http', open: () => openServer() })
runSinkSuite({ name: 'http compressed', open: () => openServer({ compressUploads: true }) })
runSinkSuite({ name: 'https', open: () => openServer({ tls: serverTls, ...trusted }) })
runSinkSuite({
  name: 'https with client certificate',
  open: () => openServer({ tls: mutualTls, mtls: true, ...trusted }),
})

async function failure(write: Promise<void>): Promise<SinkError> {
  const error = await write.then(
    () => undefined,
    (e: unknown) => e,
  )
  assert.ok(error instanceof SinkError, `${error}`)
  return error
}

async function withServer(options: Parameters<typeof openServer>[0], run: (server: Server) => Promise<void>) {
  const server = await openServer(options)
  try {
    await run(server)
  } finally {
    await server.sink.close()
    await server.dispose()
  }
}

for (const json of [true, false]) {
  test(`http: an alert is the body of a POST, ${json ? 'JSON' : 'text'} by its content type`, async () => {
    await withServer({ json, userAgent: 'agent/1' }, async ({ sink, requests }) => {
      await sink.write(messagesOf(['{"é":1}']))
      const { method, url, headers, body } = requests[0]!
      assert.deepEqual({ method, url, body }, { method: 'POST', url: '/hook?token=secret', body: '{"é":1}' })
      assert.equal(headers['content-type'], json ? 'application/json' : 'text/plain')
      assert.equal(headers['user-agent'], 'agent/1')
      assert.equal(headers['content-encoding'], undefined)
      assert.equal(headers['content-length'], '8')
    })
  })
}

test('http: one connection serves many alerts', async () => {
  await withServer({}, async ({ sink, connections }) => {
    await sink.write(messagesOf(['1', '2']))
    await sink.write(messagesOf(['3']))
    assert.equal(connections(), 1)
  })
})

const answers = [
  { name: 'a server in trouble may recover', status: 503, outlook: 'again' },
  { name: 'a server that asks for patience gets it', status: 429, outlook: 'again' },
  { name: 'an alert that is refused is lost', status: 404, outlook: 'lost' },
  { name: 'a redirect is not followed', status: 302, outlook: 'lost' },
] as const

for (const c of answers) {
  test(`http: ${c.name}`, async () => {
    await withServer({ answer: (_, count) => (count === 2 ? c : undefined) }, async ({ sink, lines }) => {
      const error = await failure(sink.write(messagesOf(['1', '2', '3'])))
      assert.deepEqual([error.delivered, error.outlook], [1, c.outlook])
      assert.match(error.message, new RegExp(`^http://127\\.0\\.0\\.1:\\d+/hook: the server answered ${c.status}$`))
      assert.deepEqual(lines(), ['1', '2'])
    })
  })
}

test('http: a timeout is tried again as often as configured, then the alert is lost', async () => {
  await withServer(
    { answer: () => ({ status: 0 }), timeoutMs: 100, maxConsecutiveTimeouts: 2 },
    async ({ sink, lines }) => {
      const error = await failure(sink.write(messagesOf(['1'])))
      assert.equal(error.outlook, 'lost')
      assert.match(error.message, /no answer in 100 ms/)
      assert.deepEqual(lines(), ['1', '1', '1'])
    },
  )
})

test('http: a timeout that passes is no failure', async () => {
  await withServer(
    { answer: (_, n) => (n === 1 ? { status: 0 } : undefined), timeoutMs: 200 },
    async ({ sink, lines }) => {
      await sink.write(messagesOf(['1']))
      assert.deepEqual(lines(), ['1', '1'])
    },
  )
})

test('http: a server that cannot read compressed bodies gets plain ones', async () => {
  const answer = (request: Request) => (request.headers['content-encoding'] === 'gzip' ? { status: 415 } : undefined)
  await withServer({ compressUploads: true, answer }, async ({ sink, requests }) => {
    await sink.write(messagesOf(['1', '2']))
    const seen = requests.map(({ body, headers }) => [body, headers['content-encoding']])
    assert.deepEqual(seen, [
      ['1', 'gzip'],
      ['1', undefined],
      ['2', undefined],
    ])
  })
})

test('http: echo gives the answers, the first 64 KiB of each', async () => {
  const echoed: string[] = []
  const answer = (_: Request, count: number) => ({ status: 200, body: 'x'.repeat(count === 1 ? 5 : 100_000) })
  await withServer({ answer, echo: body => echoed.push(body) }, async ({ sink }) => {
    await sink.write(messagesOf(['1', '2']))
    assert.deepEqual(
      echoed.map(body => body.length),
      [5, 65_536],
    )
  })
})

test('http: user and password of the URL are sent, and never shown', async () => {
  await withServer({}, async server => {
    await server.sink.write(messagesOf(['x']))
    const port = server.requests[0]!.headers.host!.split(':')[1]
    const sink = openHttpSink({ ...defaults, url: `http://me:pass@127.0.0.1:${port}/p?key=secret` })
    await sink.write(messagesOf(['1']))
    await arrived(server, 2)
    assert.equal(server.requests[1]!.headers.authorization, `Basic ${Buffer.from('me:pass').toString('base64')}`)
    await server.breakIt!()
    const error = await failure(sink.write(messagesOf(['2'])))
    assert.doesNotMatch(error.message, /pass|secret/)
    assert.match(error.message, /ECONNREFUSED|ECONNRESET/)
    await sink.close()
    await server.mendIt!()
  })
})

const handshakes: readonly {
  readonly name: string
  readonly options: Partial<HttpSinkOptions>
  readonly tls?: https.ServerOptions
  readonly error?: RegExp
}[] = [
  { name: 'an unknown authority is refused', options: {}, error: /UNABLE_TO_VERIFY|SELF_SIGNED/ },
  { name: 'insecure asks no authority', options: { insecure: true } },
  { name: 'ca_bundle names the authorities', options: { caBundle: `${tlsDir}ca.crt` } },
  { name: 'ca_path adds the certificates of a folder', options: { caPath: tlsDir } },
  { name: 'a certificate that is asked for and not given ends it', options: trusted, tls: mutualTls, error: /./ },
  {
    name: 'a certificate file that is not there is named',
    options: { caCert: '/nowhere/ca.pem' },
    error: /cannot read certificates: \/nowhere\/ca.pem: ENOENT/,
  },
]

for (const { name, options, tls, error } of handshakes) {
  test(`https: ${name}`, async () => {
    await withServer({ tls: tls ?? serverTls, ...options }, async ({ sink, lines }) => {
      if (error === undefined) {
        await sink.write(messagesOf(['1']))
        assert.deepEqual(lines(), ['1'])
      } else {
        assert.match((await failure(sink.write(messagesOf(['1'])))).message, error)
      }
    })
  })
}

test('https: mtls shows the client certificate', async () => {
  await withServer({ tls: mutualTls, mtls: true, ...trusted }, async ({ sink, requests }) => {
    await sink.write(messagesOf(['1']))
    assert.equal(requests[0]!.client, 'Tiercel test client')
  })
})

test('https: reopening reads the certificates again', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'tiercel-'))
  const caCert = join(dir, 'ca.crt')
  writeFileSync(caCert, pem('client.crt'))
  await withServer({ tls: serverTls, caCert }, async ({ sink, lines }) => {
    await failure(sink.write(messagesOf(['1'])))
    writeFileSync(caCert, pem('ca.crt'))
    await sink.reopen()
    await sink.write(messagesOf(['2']))
    assert.deepEqual(await lines(), ['2'])
  })
  rmSync(dir, { recursive: true })
})
