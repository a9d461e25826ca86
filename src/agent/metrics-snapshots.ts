/** Falco's metrics snapshots: every so often the figures as an alert, or a line in a file (`metrics.output_rule`, `metrics.output_file`). */
import { appendFile } from 'node:fs'
import type { InternalAlert } from '../outputs/format-alert.ts'
import type { MetricsConfig } from './config.ts'
import { type AgentFigures, snapshotFields } from './metrics.ts'

const METRICS_RULE = 'Falco internal: metrics snapshot'
const INFORMATIONAL = 6

export interface MetricsSnapshotsOptions {
  readonly figures: () => AgentFigures
  readonly alert: (alert: InternalAlert) => void
  readonly onTrouble: (message: string) => void
}

export class MetricsSnapshots {
  readonly #options: MetricsSnapshotsOptions
  #timer: NodeJS.Timeout | undefined
  #last: AgentFigures | undefined
  #samples = 0

  constructor(options: MetricsSnapshotsOptions) {
    this.#options = options
  }

  /** Takes them as this configuration says, from now on. */
  set(config: MetricsConfig): void {
    this.stop()
    if (!config.enabled || (!config.outputRule && config.outputFile === '')) return
    this.#timer = setInterval(() => this.#take(config), config.intervalMs)
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #take(config: MetricsConfig): void {
    const { alert, onTrouble } = this.#options
    const figures = this.#options.figures()
    const fields = snapshotFields(figures, this.#last, config)
    this.#last = figures
    if (config.outputRule) {
      const text = 'Falco metrics snapshot'
      alert({ rule: METRICS_RULE, priority: INFORMATIONAL, tsNs: figures.nowNs, text, fields })
    }
    if (config.outputFile === '') return
    this.#samples++
    const object = fields.map(
      ([key, value]) => `${JSON.stringify(key)}:${typeof value === 'bigint' ? value : JSON.stringify(value)}`,
    )
    appendFile(config.outputFile, `{"output_fields":{${object.join(',')}},"sample":${this.#samples}}\n`, error => {
      if (error !== null) onTrouble(`metrics cannot be written: ${error.message}`)
    })
  }
}
