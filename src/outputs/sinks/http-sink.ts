import { readdir, readFile, stat } from 'node:fs/promises'
import type * as http from 'node:http'
import type * as https from 'node:https'
import { join } from 'node:path'
import { causeText, type OutputMessage, type OutputSink, SinkError } from './sink.ts'

/** `http_output`, with Falco's names; paths may be empty. */
export interface HttpSinkOptions {
  readonly url: string
  /** Decides the content type: `application/json` or `text/plain`. */
  readonly json: boolean
  readonly userAgent: string
  /** Do not check the server's certificate. */
  readonly insecure: boolean
  readonly caCert: string
  readonly caBundle: string
  readonly caPath: string
  readonly mtls: boolean
  readonly clientCert: string
  readonly clientKey: string
  readonly compressUploads: boolean
  /** How often a request that timed out is sent again. */
  readonly maxConsecutiveTimeouts: number
  /** From connecting to the end of the answer. */
  readonly timeoutMs: number
  /** Gets the server's answers. */
  readonly echo?: (body: string) => void
}

const MOST_ANSWER_BYTES = 65_536
const MOST_CA_FILES = 1_000
const SYSTEM_CA_PATH = '/etc/ssl/certs'

// Node's http, tls and zlib take 25 ms to load, so they are loaded with the first alert: most runs have no http output.

async function compress(text: string): Promise<Buffer> {
  const [{ gzip }, { promisify }] = await Promise.all([import('node:zlib'), import('node:util')])
  return promisify(gzip)(text)
}

interface Answer {
  readonly status: number
  readonly body: string
}

/**
 * Posts every alert to a URL, one request each, over one connection that is kept. Timeouts are tried again here, as Falco does; other
 * failures are left to the queue. Unlike Falco it looks at the answer: 5xx, 408 and 429 may pass, anything else but 2xx loses the alert.
 * Where a server does not want compressed bodies (400, 415), they are sent plain from then on.
 */
export function openHttpSink(options: HttpSinkOptions): OutputSink {
  const url = new URL(options.url)
  const shown = `${url.origin}${url.pathname}` // without user, password and query
  let agent: http.Agent | undefined
  let compressing = options.compressUploads
  let underWay: AbortController | undefined

  async function getAgent(): Promise<http.Agent> {
    if (agent === undefined) {
      const common = { keepAlive: true, maxSockets: 1 }
      agent =
        url.protocol === 'https:'
          ? new (await import('node:https')).Agent({ ...common, ...(await loadTls(options)) })
          : new (await import('node:http')).Agent(common)
    }
    return agent
  }

  async function post(line: string): Promise<Answer> {
    const body = compressing ? await compress(line) : Buffer.from(line, 'utf8')
    const headers = {
      'Content-Type': options.json ? 'application/json' : 'text/plain',
      'Content-Length': body.length,
      'User-Agent': options.userAgent,
      Accept: '*/*',
      ...(compressing && { 'Content-Encoding': 'gzip' }),
    }
    const attempt = new AbortController()
    underWay = attempt
    let timedOut = false
    const timer = setTimeout(() => {
      timedOut = true
      attempt.abort()
    }, options.timeoutMs)
    try {
      return await request(url, { method: 'POST', agent: await getAgent(), headers, signal: attempt.signal }, body)
    } catch (error) {
      if (error instanceof SinkError) throw error
      if (timedOut) throw new TimeoutError(`${shown}: no answer in ${options.timeoutMs} ms`)
      if (attempt.signal.aborted) throw new SinkError(`${shown}: given up`, { cause: error })
      throw new SinkError(`${shown}: ${causeText(error)}`, { cause: error })
    } finally {
      clearTimeout(timer)
      underWay = undefined
    }
  }

  async function postPatiently(line: string): Promise<Answer> {
    for (let timeouts = 0; ; timeouts++) {
      try {
        return await post(line)
      } catch (error) {
        if (!(error instanceof TimeoutError)) throw error
        if (timeouts >= options.maxConsecutiveTimeouts)
          throw new SinkError(error.message, { outlook: 'lost', cause: error })
      }
    }
  }

  async function deliver(line: string): Promise<void> {
    const answer = await postPatiently(line)
    options.echo?.(answer.body)
    const { status } = answer
    if (status < 300) return
    if (compressing && (status === 400 || status === 415)) {
      compressing = false
      return deliver(line)
    }
    const outlook = status >= 500 || status === 408 || status === 429 ? 'again' : 'lost'
    throw new SinkError(`${shown}: the server answered ${status}`, { outlook })
  }

  function letGo(): void {
    agent?.destroy()
    agent = undefined
  }

  return {
    name: 'http',
    maxBatch: 32,
    async write(messages: readonly OutputMessage[]): Promise<void> {
      for (const [delivered, message] of messages.entries()) {
        try {
          await deliver(message.line)
        } catch (error) {
          const outlook = error instanceof SinkError ? error.outlook : 'again'
          throw new SinkError(causeText(error), { delivered, outlook, cause: error })
        }
      }
    },
    reopen: async () => letGo(),
    close: async () => letGo(),
    abort: () => underWay?.abort(),
  }
}

class TimeoutError extends Error {}

async function request(url: URL, options: http.RequestOptions, body: Buffer): Promise<Answer> {
  const { request: send } = await (url.protocol === 'https:' ? import('node:https') : import('node:http'))
  return new Promise((resolve, reject) => {
    const req = send(url, options, response => {
      const chunks: Buffer[] = []
      let size = 0
      response.on('data', (chunk: Buffer) => {
        if (size < MOST_ANSWER_BYTES) chunks.push(chunk.subarray(0, MOST_ANSWER_BYTES - size))
        size += chunk.length
      })
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') }),
      )
      response.on('error', reject)
    })
    req.on('error', reject)
    req.end(body)
  })
}

async function loadTls(options: HttpSinkOptions): Promise<https.AgentOptions> {
  try {
    return {
      rejectUnauthorized: !options.insecure,
      ca: await loadAuthorities(options),
      ...(options.mtls && { cert: await readFile(options.clientCert), key: await readFile(options.clientKey) }),
    }
  } catch (error) {
    const path = error instanceof Error && 'path' in error ? `${error.path}: ` : ''
    throw new SinkError(`cannot read certificates: ${path}${causeText(error)}`, { cause: error })
  }
}

/** One file if it is named (`ca_cert`, else `ca_bundle`), else the certificates that the system and Node trust and those of `ca_path`. */
async function loadAuthorities(options: HttpSinkOptions): Promise<(string | Buffer)[]> {
  if (options.caCert !== '') return [await readFile(options.caCert)]
  if (options.caBundle !== '') return [await readFile(options.caBundle)]
  const tls = await import('node:tls')
  const trusted = [...tls.getCACertificates('default'), ...tls.getCACertificates('system')]
  if (options.caPath === '' || options.caPath === SYSTEM_CA_PATH) return trusted
  const names = (await readdir(options.caPath)).sort().slice(0, MOST_CA_FILES)
  const files = await Promise.all(names.map(name => readCertificates(join(options.caPath, name))))
  return [...trusted, ...files.filter(text => text !== '')]
}

async function readCertificates(path: string): Promise<string> {
  if (!(await stat(path)).isFile()) return ''
  const text = await readFile(path, 'latin1')
  return text.includes('-----BEGIN CERTIFICATE-----') ? text : ''
}
