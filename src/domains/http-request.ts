/** The `Host` of the first request that an HTTP/1 client sends (RFC 9112 §3.2). Nothing throws, whatever the bytes. */
import type { ByteText } from '../values/value.ts'

export interface HttpRequest {
  /** Without a port; undefined when the request has none. */
  readonly host: ByteText | undefined
  /** It is meant for a proxy: the host is not the server that was connected to. */
  readonly isForProxy: boolean
}

/** `more`: the bytes end before it is known. `none`: this is no request. */
export type RequestResult = HttpRequest | 'more' | 'none'

/** Servers refuse longer heads. */
const MAX_HEAD_BYTES = 8192

const METHODS: readonly string[] = ['GET ', 'POST ', 'PUT ', 'HEAD ', 'DELETE ', 'OPTIONS ', 'PATCH ', 'CONNECT ']
const REQUEST_LINE: RegExp = /^([A-Z]+) (\S+) HTTP\/1\.[01]\r?$/
const HOST_HEADER: RegExp = /^host:[ \t]*([^ \t\r]*)[ \t]*\r?$/i
/** Without a port, and no address in brackets. */
const HOST_AND_PORT: RegExp = /^([^:[\]]+)(?::\d*)?$/

/** Reads the beginning of what a client sent, `bytes[at, end)`. */
export function readHttpRequest(bytes: Buffer, at: number, end: number): RequestResult {
  const text = bytes.latin1Slice(at, Math.min(end, at + MAX_HEAD_BYTES))
  if (!METHODS.some(method => text.startsWith(method) || (text.length < method.length && method.startsWith(text))))
    return 'none'
  const isFull = end - at >= MAX_HEAD_BYTES
  const [first, ...lines] = text.split('\n')
  // The last line may not be over.
  const rest = lines.pop()
  if (rest === undefined) return isFull ? 'none' : 'more'
  const request = REQUEST_LINE.exec(first!)
  if (request === null) return 'none'
  const isForProxy = request[1] === 'CONNECT' || !request[2]!.startsWith('/')
  for (const line of lines) {
    const header = HOST_HEADER.exec(line)
    if (header !== null) return { host: HOST_AND_PORT.exec(header[1]!)?.[1], isForProxy }
    if (line === '' || line === '\r') return { host: undefined, isForProxy }
  }
  return isFull ? 'none' : 'more'
}
