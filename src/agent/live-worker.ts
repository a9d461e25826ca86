/**
 * The worker thread of a live agent: `run.ts` starts it with the module that has the events. Everything else is imported once the cache
 * for compiled code is on, which halves the time that loading takes.
 */
import { messageOf } from '../diagnostics/message-of.ts'
import { enableCompileCache } from 'node:module'
import { parentPort, workerData } from 'node:worker_threads'
import type { ToMain } from '../wire/agent-messages.ts'
import type { LiveModule } from './live-source.ts'

const port = parentPort
if (port === null) throw new Error('unreachable: live-worker.ts is started as a worker')

const { source, compileCache } = workerData as { readonly source: string; readonly compileCache?: string }
const post = (message: ToMain): void => port.postMessage(message)

try {
  if (compileCache !== undefined) enableCompileCache(compileCache)
  const { parseToWorker } = await import('../wire/agent-messages.ts')
  const { LiveLoop } = await import('./live-loop.ts')
  const loop = new LiveLoop({
    module: (await import(source)) as LiveModule,
    post,
    onEnd: () => port.close(),
    now: Date.now,
    steadyNow: () => performance.now(),
  })
  port.on('message', value => {
    const message = parseToWorker(value)
    if (message !== undefined) loop.receive(message)
  })
  post({ kind: 'loaded' })
} catch (error) {
  // Who started this thread may not listen yet.
  port.once('message', () => {
    post({ kind: 'refused', message: messageOf(error), help: '' })
    port.close()
  })
}
