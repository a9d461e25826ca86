import { existsSync } from 'node:fs'
import { CommandError } from './command-error.ts'

/**
 * The module that has this machine's live events. TIERCEL_LIVE_SOURCE names another one, for tests. Throws a `CommandError` where there is
 * none.
 */
export function liveSource(): string {
  const other = process.env['TIERCEL_LIVE_SOURCE'] ?? ''
  if (other !== '') return other
  const self = import.meta.url
  const url = new URL(`../agent/kernel-events${self.slice(self.lastIndexOf('.'))}`, self)
  if (existsSync(url)) return url.href
  throw new CommandError(
    'watching live is not there yet: this version has no eBPF probe',
    'record a capture (`sysdig -w capture.scap`) and use `tiercel replay capture.scap`',
  )
}
