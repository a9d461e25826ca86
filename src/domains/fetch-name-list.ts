/**
 * Fetches lists of names from URLs, and keeps the last good copy of each on disk, so that a restart without a network has it. What is fetched
 * is parsed as it comes; only a list that was understood takes the place of the one before.
 */
import { type FileHandle, mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises'
import type { ClientRequest, IncomingMessage } from 'node:http'
import { dirname, join } from 'node:path'
import { accept, causeOf, MAX_LIST_BYTES, type NameListOutcome, tooLarge } from './load-name-list.ts'
import { NameListParser, type NameListOptions } from './parse-name-list.ts'

/** What is known of a copy. */
export interface CachedList {
  readonly path: string
  readonly fetchedMs: number
  readonly etag: string
  readonly lastModified: string
}

export interface FetchOptions extends NameListOptions {
  readonly url: string
  /** The copy that is in use: the server is asked only for what is newer. */
  readonly known?: CachedList | undefined
  /** Where copies are kept, and under which name. */
  readonly folder: string
  readonly name: string
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Without a byte, and in all. */
  readonly idleMs?: number
  readonly totalMs?: number
  readonly maxBytes?: number
  readonly signal?: AbortSignal
  /** Certificates of authorities in place of the system's; for tests. */
  readonly ca?: Buffer
}

export type FetchOutcome =
  | NameListOutcome
  /** The copy in use is the newest. */
  | { readonly kind: 'unchanged' }

const MAX_REDIRECTS = 5
const IDLE_MS = 30_000
const TOTAL_MS = 600_000
const META_VERSION = 1

/** A URL without user, password and query, as people may see it. */
export function shownUrl(text: string): string {
  const url = new URL(text)
  return `${url.origin}${url.pathname}`
}

/** The copy of what `url` gave last; undefined when there is none. */
export async function findCachedList(folder: string, name: string, url: string): Promise<CachedList | undefined> {
  try {
    const meta = JSON.parse(await readFile(join(folder, `${name}.json`), 'utf8')) as Record<string, unknown>
    const { version, fetchedMs, etag, lastModified } = meta
    if (version !== META_VERSION || meta['url'] !== shownUrl(url)) return undefined
    if (typeof fetchedMs !== 'number' || typeof etag !== 'string' || typeof lastModified !== 'string') return undefined
    return { path: join(folder, `${name}.list`), fetchedMs, etag, lastModified }
  } catch {
    return undefined
  }
}

/** Never rejects. `onTrouble` is told when the copy cannot be kept; the list is used anyway. */
export async function fetchNameList(options: FetchOptions, onTrouble: (cause: string) => void): Promise<FetchOutcome> {
  const { totalMs = TOTAL_MS } = options
  const limit = new AbortController()
  const timer = setTimeout(() => limit.abort(new Error(`it took longer than ${totalMs / 1000} s`)), totalMs)
  const signal = options.signal === undefined ? limit.signal : AbortSignal.any([limit.signal, options.signal])
  try {
    const response = await get(options, signal)
    if (response.statusCode === 304 && options.known !== undefined) {
      response.resume()
      return { kind: 'unchanged' }
    }
    return await receive(response, options, onTrouble)
  } catch (error) {
    return { kind: 'failed', cause: causeOf(signal.aborted ? signal.reason : error) }
  } finally {
    clearTimeout(timer)
  }
}

/** The response to be read, redirects followed. */
async function get(options: FetchOptions, signal: AbortSignal): Promise<IncomingMessage> {
  const { known, idleMs = IDLE_MS } = options
  let url = new URL(options.url)
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    const response = await request(url, known, idleMs, signal, options.ca)
    const { statusCode = 0, headers } = response
    if (statusCode === 200 || (statusCode === 304 && known !== undefined)) return response
    response.destroy()
    if (![301, 302, 303, 307, 308].includes(statusCode)) throw new Error(`the server answers ${statusCode}`)
    const next = URL.parse(headers.location ?? '', url.href)
    if (next === null || (next.protocol !== 'https:' && next.protocol !== 'http:'))
      throw new Error('the server redirects to what is no web address')
    if (url.protocol === 'https:' && next.protocol === 'http:')
      throw new Error(`the server redirects from https to ${next.origin}, which anybody could change`)
    url = next
  }
  throw new Error(`the server redirects more than ${MAX_REDIRECTS} times`)
}

async function request(
  url: URL,
  known: CachedList | undefined,
  idleMs: number,
  signal: AbortSignal,
  ca: Buffer | undefined,
): Promise<IncomingMessage> {
  // TLS takes 20 ms to load, and most configurations have no lists from elsewhere.
  const { request: send } = url.protocol === 'https:' ? await import('node:https') : await import('node:http')
  const headers = {
    'user-agent': 'tiercel',
    accept: 'text/plain, */*;q=0.5',
    'accept-encoding': 'identity',
    ...(known !== undefined && known.etag !== '' && { 'if-none-match': known.etag }),
    ...(known !== undefined && known.lastModified !== '' && { 'if-modified-since': known.lastModified }),
  }
  return new Promise((resolve, reject) => {
    const sent: ClientRequest = send(
      url,
      { headers, signal, timeout: idleMs, agent: false, ...(ca !== undefined && { ca }) },
      resolve,
    )
    sent.on('timeout', () => sent.destroy(new Error(`nothing comes for ${idleMs / 1000} s`)))
    sent.on('error', reject)
    sent.end()
  })
}

async function receive(
  response: IncomingMessage,
  options: FetchOptions,
  onTrouble: (cause: string) => void,
): Promise<NameListOutcome> {
  const { folder, name, maxBytes = MAX_LIST_BYTES } = options
  const encoding = response.headers['content-encoding'] ?? 'identity'
  const announced = Number(response.headers['content-length'] ?? 0)
  if (encoding !== 'identity' || announced > maxBytes) {
    response.destroy()
    return { kind: 'failed', cause: encoding === 'identity' ? tooLarge(maxBytes) : `it is compressed (${encoding})` }
  }
  const parser = new NameListParser({ ...options, sizeBytes: announced })
  const path = join(folder, `${name}.list`)
  let copy = await openCopy(`${path}.new`, onTrouble)
  let read = 0
  try {
    for await (const piece of response as AsyncIterable<Buffer>) {
      read += piece.length
      if (read > maxBytes) return { kind: 'failed', cause: tooLarge(maxBytes) }
      parser.push(piece)
      copy = await step(copy, file => file.write(piece), onTrouble)
    }
    const outcome = accept(parser.end())
    if (outcome.kind === 'failed') return outcome
    // An empty answer is more likely a mistake of theirs than a world without threats.
    if (outcome.report.names === 0) return { kind: 'failed', cause: 'it is empty', report: outcome.report }
    const meta = {
      version: META_VERSION,
      url: shownUrl(options.url),
      fetchedMs: options.now(),
      etag: headerText(response, 'etag'),
      lastModified: headerText(response, 'last-modified'),
    }
    // The copy before what is said of it: a crash between the two leaves a tag that is too old, and so another fetch.
    copy = await step(copy, () => rename(`${path}.new`, path), onTrouble)
    await step(copy, () => writeMeta(join(folder, `${name}.json`), JSON.stringify(meta)), onTrouble)
    return outcome
  } finally {
    response.destroy()
    await copy?.close()
    await rm(`${path}.new`, { force: true }).catch(() => {})
  }
}

/** A file for the copy; undefined, and told, when there can be none. */
async function openCopy(path: string, onTrouble: (cause: string) => void): Promise<FileHandle | undefined> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o750 })
    return await open(path, 'w', 0o640)
  } catch (error) {
    onTrouble(causeOf(error))
    return undefined
  }
}

/** Goes on with the copy; when that fails there is none any more. */
async function step(
  copy: FileHandle | undefined,
  act: (file: FileHandle) => Promise<unknown>,
  onTrouble: (cause: string) => void,
): Promise<FileHandle | undefined> {
  if (copy === undefined) return undefined
  try {
    await act(copy)
    return copy
  } catch (error) {
    await copy.close().catch(() => {})
    onTrouble(causeOf(error))
    return undefined
  }
}

/** Of what a server says of its file, no more than is sensible. */
function headerText(response: IncomingMessage, name: 'etag' | 'last-modified'): string {
  const text = response.headers[name] ?? ''
  return text.length <= 256 ? text : ''
}

async function writeMeta(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text)
  await rename(`${path}.new`, path)
}
