// Programs that tests of live names start.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import { fileURLToPath } from 'node:url'

const PATIENCE_MS = 120_000
const main = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url))

/** A program of which all that it says is kept. */
export type Program = ChildProcess & { readonly text: { out: string; err: string } }

/** `tiercel` with these arguments. */
export function tiercel(args: readonly string[]): Program {
  return program(['--disable-warning=ExperimentalWarning', main, ...args])
}

/** A program that Node runs. */
export function program(args: readonly string[]): Program {
  const child = spawn(process.execPath, args)
  const text = { out: '', err: '' }
  child.stdout.on('data', data => (text.out += String(data)))
  child.stderr.on('data', data => (text.err += String(data)))
  return Object.assign(child, { text })
}

/** Waits until it says so, on standard output or error. */
export async function says(child: Program, words: string): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS
  while (!`${child.text.out}\n${child.text.err}`.includes(words)) {
    assert.ok(Date.now() < deadline && child.exitCode === null, child.text.err)
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}

/** Takes connections to any loopback address, and ends each after its first bytes. */
export async function startPeer(): Promise<{ readonly server: Server; readonly port: number }> {
  const server = createServer(socket => {
    socket.on('error', () => {})
    socket.on('data', () => socket.end())
  })
  server.listen(0, '0.0.0.0')
  await once(server, 'listening')
  const address = server.address()
  return { server, port: typeof address === 'object' && address !== null ? address.port : 0 }
}

/** Rule and output of each alert in lines of JSON, without time and priority; not those that tell of a busy machine. */
export const alertsIn = (out: string): string[] =>
  out
    .split('\n')
    .filter(line => line.startsWith('{'))
    .map(line => JSON.parse(line) as { readonly rule: string; readonly output: string })
    .filter(alert => !alert.rule.startsWith('Falco internal:'))
    .map(alert => `${alert.rule}: ${alert.output.replace(/^\S+ \w+ /, '')}`)
