import { readFileSync } from 'node:fs'

/** Versions that a rule file or a client may ask for. */
export interface Versions {
  readonly tiercel: string
  readonly node: string
  /** The Falco engine whose rules load unchanged. */
  readonly falcoEngine: string
  /** Schema and API of the events that captures hold. */
  readonly eventSchema: string
  readonly eventApi: string
}

export function readVersions(): Versions {
  const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  return {
    tiercel: manifest.version,
    node: process.versions.node,
    falcoEngine: '0.63.0',
    eventSchema: '4.5.1',
    eventApi: '10.1.0',
  }
}
