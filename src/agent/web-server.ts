/**
 * The agent's own pages: `/healthz`, `/metrics`, `/versions`. Small and mistrustful: only GET and HEAD, no bodies, few connections, short
 * time-outs, so that whoever can reach the port can read the pages and do nothing else.
 */
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { WebserverConfig } from './config.ts'
import { EXPOSITION_TYPE } from './exposition.ts'

export interface WebPages {
  /** `ok`, or why not. */
  health(): string
  metrics(): string
  versions(): Readonly<Record<string, string>>
}

const MAX_CONNECTIONS = 64
const MAX_HEADER_BYTES = 8 * 1024
const TIMEOUT_MS = 5_000

export interface WebServer {
  readonly port: number
  close(): Promise<void>
}

/** Listens; rejects with a plain message when it cannot. */
export async function openWebServer(config: WebserverConfig, pages: WebPages): Promise<WebServer> {
  const answer = (request: IncomingMessage, response: ServerResponse): void => respond(request, response, config, pages)
  const limits = {
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: TIMEOUT_MS,
    requestTimeout: TIMEOUT_MS,
    keepAliveTimeout: TIMEOUT_MS,
    connectionsCheckingInterval: 1_000,
  }
  const server: Server = config.sslEnabled
    ? (await import('node:https')).createServer(
        { ...limits, ...readCertificate(config.sslCertificate), minVersion: 'TLSv1.2' },
        answer,
      )
    : createServer(limits, answer)
  server.maxConnections = MAX_CONNECTIONS
  server.setTimeout(TIMEOUT_MS)
  server.on('clientError', (_error, socket) => {
    if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
    else socket.destroy()
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const why = error.code === 'EADDRINUSE' ? 'the port is taken' : error.message
      reject(new Error(`the web server cannot listen on ${config.listenAddress}:${config.listenPort}: ${why}`))
    })
    server.listen(config.listenPort, config.listenAddress, resolve)
  })
  server.on('error', () => {})
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** Certificate and key from one file, as Falco has them. */
function readCertificate(path: string): { readonly cert: string; readonly key: string } {
  try {
    const pem = readFileSync(path, 'utf8')
    return { cert: pem, key: pem }
  } catch (error) {
    throw new Error(`the certificate \`${path}\` of the web server cannot be read: ${(error as Error).message}`)
  }
}

function respond(request: IncomingMessage, response: ServerResponse, config: WebserverConfig, pages: WebPages): void {
  request.resume()
  const send = (status: number, type: string, body: string, headers: Readonly<Record<string, string>> = {}): void => {
    const bytes = Buffer.from(body, 'utf8')
    response.writeHead(status, {
      'Content-Type': type,
      'Content-Length': bytes.length,
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
      ...headers,
    })
    response.end(request.method === 'HEAD' ? undefined : bytes)
  }
  const json = (status: number, value: unknown): void => send(status, 'application/json', JSON.stringify(value))
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    send(405, 'application/json', '{"error": "only GET and HEAD"}', { Allow: 'GET, HEAD', Connection: 'close' })
    return
  }
  const path = /^[^?#]*/.exec(request.url ?? '')![0]
  switch (path) {
    case config.healthzEndpoint: {
      const health = pages.health()
      // Falco's answer, blank included: probes compare it.
      if (health === 'ok') send(200, 'application/json', '{"status": "ok"}')
      else json(503, { status: 'failing', reason: health })
      return
    }
    case '/versions':
      json(200, pages.versions())
      return
    case '/metrics':
      if (config.prometheusMetrics) {
        send(200, EXPOSITION_TYPE, pages.metrics())
        return
      }
      json(404, { error: 'metrics are off: `metrics.enabled` and `webserver.prometheus_metrics_enabled`' })
      return
    default:
      json(404, { error: 'no such page' })
  }
}
