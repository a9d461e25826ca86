import { readFileSync } from 'node:fs'

/** Versions that a rule file or a client may ask for. */
export interface Versions {
  readonly tiercel: string
  readonly node: string
  /** The Falco whose rules load unchanged, and its engine. */
  readonly falco: string
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
    falco: '0.44.0',
    falcoEngine: '0.63.0',
    eventSchema: '4.5.1',
    eventApi: '10.1.0',
  }
}

/** For programs, falcoctl among them: the keys of Falco's /versions, and ours. */
export function versionPage(versions: Versions): Readonly<Record<string, string>> {
  return {
    default_driver_version: '',
    driver_api_version: versions.eventApi,
    driver_schema_version: versions.eventSchema,
    engine_version: versions.falcoEngine.split('.')[1]!,
    engine_version_semver: versions.falcoEngine,
    falco_version: versions.falco,
    node_version: versions.node,
    tiercel_version: versions.tiercel,
  }
}
