const self = import.meta.url

/** The module that has this machine's live events (`LiveModule`). */
export const ownSource: string = new URL(`../agent/kernel-events${self.slice(self.lastIndexOf('.'))}`, self).href

/** The module to watch with: this machine's, unless TIERCEL_LIVE_SOURCE names another one, for tests. */
export function liveSource(): string {
  const other = process.env['TIERCEL_LIVE_SOURCE'] ?? ''
  return other === '' ? ownSource : other
}
