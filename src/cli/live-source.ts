/** The module that has this machine's live events (`LiveModule`). TIERCEL_LIVE_SOURCE names another one, for tests. */
export function liveSource(): string {
  const other = process.env['TIERCEL_LIVE_SOURCE'] ?? ''
  if (other !== '') return other
  const self = import.meta.url
  return new URL(`../agent/kernel-events${self.slice(self.lastIndexOf('.'))}`, self).href
}
