/** What of the configuration decides how large the ring is. */
export interface RingSettings {
  readonly bufSizePreset: number
  readonly cpusForEachBuffer: number
}

export const DEFAULT_RING: RingSettings = { bufSizePreset: 4, cpusForEachBuffer: 2 }

const LEAST_RING_BYTES = 16 * 1024 * 1024
const MOST_RING_BYTES = 256 * 1024 * 1024

/**
 * One ring for all CPUs, of about the size that Falco's buffers have together: `buf_size_preset` for every `cpus_for_each_buffer` CPUs (0: all).
 * A power of two.
 */
export function ringBytesOf({ bufSizePreset, cpusForEachBuffer }: RingSettings, cpuCount: number): number {
  const buffers = cpusForEachBuffer === 0 ? 1 : Math.ceil(cpuCount / cpusForEachBuffer)
  const together = 2 ** (19 + bufSizePreset + Math.ceil(Math.log2(buffers)))
  return Math.min(MOST_RING_BYTES, Math.max(LEAST_RING_BYTES, together))
}
