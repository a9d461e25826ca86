/** Prometheus' text format 0.0.4: https://prometheus.io/docs/instrumenting/exposition_formats/ */

export const EXPOSITION_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

export type Labels = Readonly<Record<string, string>>

/** Gathers samples; those of one name must be added one after the other, as the format wants. */
export class Exposition {
  #text = ''
  #last = ''

  counter(name: string, help: string, value: number | bigint, labels?: Labels): void {
    this.#add(name, 'counter', help, value, labels)
  }

  gauge(name: string, help: string, value: number | bigint, labels?: Labels): void {
    this.#add(name, 'gauge', help, value, labels)
  }

  /** A fact that is in the labels; the value is always 1. */
  info(name: string, help: string, labels: Labels): void {
    this.#add(name, 'gauge', help, 1, labels)
  }

  get text(): string {
    return this.#text
  }

  #add(name: string, type: 'counter' | 'gauge', help: string, value: number | bigint, labels: Labels = {}): void {
    if (name !== this.#last) this.#text += `# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type}\n`
    this.#last = name
    const pairs = Object.entries(labels).map(([key, text]) => `${key}="${escapeLabel(text)}"`)
    this.#text += `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}\n`
  }
}

function escapeHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
}

function escapeLabel(text: string): string {
  return escapeHelp(text).replaceAll('"', '\\"')
}

/** A label name made of any text: letters, digits and `_`. */
export function labelName(text: string): string {
  const name = text.replace(/[^a-zA-Z0-9_]/g, '_')
  return /^[0-9]/.test(name) ? `_${name}` : name
}
