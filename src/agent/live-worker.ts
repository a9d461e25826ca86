/** The worker thread of a live agent: `run.ts` starts it with the module that has the events. */
import { parentPort, workerData } from 'node:worker_threads'
import { parseToWorker, type ToMain } from '../wire/agent-messages.ts'
import { LiveLoop } from './live-loop.ts'
import type { LiveModule } from './live-source.ts'

const port = parentPort
if (port === null) throw new Error('unreachable: live-worker.ts is started as a worker')

const { source } = workerData as { readonly source: string }
const post = (message: ToMain): void => port.postMessage(message)

try {
  const loop = new LiveLoop({
    module: (await import(source)) as LiveModule,
    post,
    onEnd: () => port.close(),
    now: Date.now,
  })
  port.on('message', value => {
    const message = parseToWorker(value)
    if (message !== undefined) loop.receive(message)
  })
  post({ kind: 'loaded' })
} catch (error) {
  post({ kind: 'refused', message: error instanceof Error ? error.message : String(error), help: '' })
  port.close()
}
