/** The worker thread of a live agent: `start-worker.ts` starts it with the module that has the events. */
import { messageOf } from '../diagnostics/message-of.ts'
import { parentPort, workerData } from 'node:worker_threads'
import type { ToMain } from '../wire/agent-messages.ts'
import type { LiveModule } from './live-source.ts'

const port = parentPort
if (port === null) throw new Error('unreachable: live-worker.ts is started as a worker')

const { source } = workerData as { readonly source: string }
const post = (message: ToMain): void => port.postMessage(message)

try {
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
