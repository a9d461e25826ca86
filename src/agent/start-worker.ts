import { getCompileCacheDir } from 'node:module'
import { Worker } from 'node:worker_threads'

/**
 * A worker does not take over its parent's cache for compiled code. Were `live-worker.ts` its first module, Node would load the TypeScript
 * stripper for it: 25 to 60 ms of the start.
 */
const BEGIN = `
const { compileCache, main } = require('node:worker_threads').workerData
if (compileCache !== undefined) require('node:module').enableCompileCache(compileCache)
import(main)`

/**
 * Starts the thread that judges events, with the URL of the module that has them (`LiveModule`). It loads its code at once, and does nothing
 * more until it is sent a message.
 */
export function startWorker(source: string): Worker {
  const self = import.meta.url
  const main = new URL(`live-worker${self.slice(self.lastIndexOf('.'))}`, self).href
  const compileCache = getCompileCacheDir()
  return new Worker(BEGIN, { eval: true, workerData: { source, main, compileCache }, name: 'tiercel-events' })
}
