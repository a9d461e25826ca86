import type { Diagnostic } from '../diagnostics/diagnostic.ts'
import type { AppendOutputEntry, ExtraField } from '../outputs/append-output.ts'
import type { HttpOutputConfig, OutputsConfig } from '../outputs/open-sinks.ts'
import { defaultQueueLimits } from '../outputs/output-queue.ts'
import type { FieldLookup } from '../rules/field-lookup.ts'
import { parseOutputFormat } from '../rules/parse-output.ts'
import { missingKey, noOutput, notAllowed, ruleAndTags, wrongType } from './config-findings.ts'
import type { ConfigMap, Place } from './config-node.ts'
import type { ConfigSection } from './config-section.ts'

/** Reads which outputs there are, and what they share; what is wrong becomes a finding, and that output is off. */
export function readOutputs(top: ConfigSection, root: ConfigMap, findings: Diagnostic[]): OutputsConfig {
  const own = top.section('tiercel')
  const stdout = readSwitch(top, 'stdout_output')
  const syslog = readSwitch(top, 'syslog_output')
  const file = readFileOutput(top, findings)
  const program = readProgramOutput(top, findings)
  const http = readHttpOutput(top, own.int('http_timeout', 10_000, 1, 3_600_000), findings)
  const syslogOptions = {
    ident: own.text('syslog_ident', 'tiercel'),
    socketPath: own.text('syslog_socket', '/dev/log'),
  }
  const queue = top.section('outputs_queue')
  const capacity = queue.int('capacity', 0, 0, Number.MAX_SAFE_INTEGER)
  queue.finish()
  const limits = {
    ...defaultQueueLimits,
    ...(capacity > 0 && { capacity }),
    timeoutMs: top.int('output_timeout', 2000, 0, 0xffff_ffff),
    retryForMs: own.int('output_retry', defaultQueueLimits.retryForMs, 0, 3_600_000),
  }
  own.finish()
  // Of a file that cannot be parsed nothing is known.
  const isParsed = !findings.some(finding => finding.code === 'E0302')
  if (isParsed && !stdout && !syslog && file === undefined && program === undefined && http === undefined) {
    findings.push(noOutput({ ...root.place, span: { start: root.place.span.start, end: root.place.span.start } }))
  }
  return {
    stdout,
    ...(syslog && { syslog: syslogOptions }),
    ...(file !== undefined && { file }),
    ...(program !== undefined && { program }),
    ...(http !== undefined && { http }),
    limits,
  }
}

function readSwitch(top: ConfigSection, key: string): boolean {
  const section = top.section(key)
  const enabled = section.bool('enabled', false)
  section.finish()
  return enabled
}

/** The value of `key` that an output which is on cannot do without. */
function readNeeded(
  section: ConfigSection,
  key: string,
  enabled: boolean,
  why: string,
  findings: Diagnostic[],
): string {
  const text = section.text(key, '')
  const place = section.placeOf('enabled')
  if (enabled && text === '' && place !== undefined) findings.push(missingKey(place, section.pathOf(key), why))
  return text
}

function readFileOutput(top: ConfigSection, findings: Diagnostic[]): OutputsConfig['file'] {
  const section = top.section('file_output')
  const enabled = section.bool('enabled', false)
  const filename = readNeeded(section, 'filename', enabled, 'the file output is enabled', findings)
  const keepAlive = section.bool('keep_alive', false)
  section.finish()
  return enabled && filename !== '' ? { filename, keepAlive } : undefined
}

function readProgramOutput(top: ConfigSection, findings: Diagnostic[]): OutputsConfig['program'] {
  const section = top.section('program_output')
  const enabled = section.bool('enabled', false)
  const program = readNeeded(section, 'program', enabled, 'the program output is enabled', findings)
  const keepAlive = section.bool('keep_alive', false)
  section.finish()
  return enabled && program !== '' ? { program, keepAlive } : undefined
}

function readHttpOutput(top: ConfigSection, timeoutMs: number, findings: Diagnostic[]): HttpOutputConfig | undefined {
  const section = top.section('http_output')
  const enabled = section.bool('enabled', false)
  const url = unquote(readNeeded(section, 'url', enabled, 'the http output is enabled', findings))
  const config: HttpOutputConfig = {
    url,
    userAgent: section.text('user_agent', 'falcosecurity/falco'),
    insecure: section.bool('insecure', false),
    echo: section.bool('echo', false),
    caCert: section.text('ca_cert', ''),
    caBundle: section.text('ca_bundle', ''),
    caPath: section.text('ca_path', '/etc/ssl/certs'),
    mtls: section.bool('mtls', false),
    clientCert: section.text('client_cert', '/etc/ssl/certs/client.crt'),
    clientKey: section.text('client_key', '/etc/ssl/certs/client.key'),
    compressUploads: section.bool('compress_uploads', false),
    maxConsecutiveTimeouts: section.int('max_consecutive_timeouts', 5, 0, 255),
    timeoutMs,
  }
  section.bool('keep_alive', false) // the connection is always kept
  section.finish()
  if (!enabled || url === '') return undefined
  if (isHttpUrl(url)) return config
  findings.push(notAllowed(section.placeOf('url')!, section.pathOf('url'), url, 'not an http:// or https:// address'))
  return undefined
}

/** Charts quote the address once more than needed. */
function unquote(text: string): string {
  const quote = text[0]
  return text.length > 1 && (quote === '"' || quote === "'") && text.endsWith(quote) ? text.slice(1, -1) : text
}

function isHttpUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)
}

/** Reads `append_output`. */
export function readAppendOutput(top: ConfigSection, fields: FieldLookup, findings: Diagnostic[]): AppendOutputEntry[] {
  return top.sections('append_output').map(entry => {
    const match = entry.section('match')
    const rule = match.text('rule', '')
    const tags = match.texts('tags')
    const source = match.text('source', '')
    const checkFormat = (key: string, format: string, place: Place): void => {
      if (source !== '' && source !== 'syscall') return // no rule of another source is loaded, and its fields are not known
      const parsed = parseOutputFormat(format, { fields })
      if (parsed.ok) return
      const { message, help } = parsed.error
      findings.push(notAllowed(place, entry.pathOf(key), format, message, help))
    }
    const extraOutput = entry.text('extra_output', '')
    if (extraOutput !== '') checkFormat('extra_output', extraOutput, entry.placeOf('extra_output')!)
    const made: AppendOutputEntry = {
      source,
      rule,
      tags,
      extraOutput,
      extraFields: readExtraFields(entry, checkFormat, findings),
      suggestedOutput: entry.bool('suggested_output', false),
    }
    if (rule !== '' && tags.length > 0) findings.push(ruleAndTags(entry.placeOf('match')!, rule, tags))
    match.finish()
    entry.finish()
    return made
  })
}

function readExtraFields(
  entry: ConfigSection,
  checkFormat: (key: string, format: string, place: Place) => void,
  findings: Diagnostic[],
): ExtraField[] {
  const node = entry.node('extra_fields')
  if (node === undefined) return []
  const path = entry.pathOf('extra_fields')
  if (node.kind !== 'list') {
    findings.push(wrongType(node.place, path, 'a list', node.kind === 'map' ? 'a map' : 'a single value'))
    return []
  }
  const fields = new Map<string, ExtraField>()
  const add = (field: ExtraField, place: Place): void => {
    const known = fields.get(field.key)
    if (known !== undefined && !(known.kind === 'raw' && field.kind === 'raw')) {
      findings.push(notAllowed(place, path, field.key, 'the entry has this field already'))
      return
    }
    checkFormat('extra_fields', field.kind === 'raw' ? `%${field.key}` : field.format, place)
    fields.set(field.key, field)
  }
  for (const item of node.items) {
    if (item.kind === 'scalar') add({ kind: 'raw', key: item.text }, item.place)
    else {
      const [pair, ...others] = item.kind === 'map' ? item.entries : []
      const format = pair?.[1].value
      if (pair === undefined || others.length > 0 || format?.kind !== 'scalar') {
        findings.push(wrongType(item.place, path, 'a list of fields and of single `key: "format"` pairs', 'this'))
      } else add({ kind: 'formatted', key: pair[0], format: format.text }, item.place)
    }
  }
  return [...fields.values()]
}
