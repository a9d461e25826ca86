import { getCompileCacheDir } from 'node:module'
import { Worker } from 'node:worker_threads'

/**
 * Starts the thread that judges events, with the URL of the module that has them (`LiveModule`). It loads its code at once, and does nothing
 * more until it is sent a message.
 */
export function startWorker(source: string): Worker {
  const self = import.meta.url
  const file = `live-worker${self.slice(self.lastIndexOf('.'))}`
  const compileCache = getCompileCacheDir()
  return new Worker(new URL(file, self), { workerData: { source, compileCache }, name: 'tiercel-events' })
}
