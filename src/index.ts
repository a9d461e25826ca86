/**
 * Tiercel as a library: read captures, compile rules, match events. Stages as in docs/architecture.md; what is not here is internal.
 *
 * The shortest way from a capture to alerts: `loadConfig`, `loadRules`, then `replay` with sinks of your own.
 */

export type { Config } from './agent/config.ts'
export { type LoadConfigOptions, type LoadedConfig, loadConfig } from './agent/load-config.ts'
export { type LoadedRules, loadRules } from './agent/load-rules.ts'
export { Pipeline, type PipelineOptions } from './agent/pipeline.ts'
export { type ReplayNews, type ReplayOptions, type ReplaySummary, replay } from './agent/replay.ts'
export type { Diagnostic } from './diagnostics/diagnostic.ts'
export { renderDiagnostic } from './diagnostics/render.ts'
export type { Source, Span } from './diagnostics/source.ts'
export { loadBindingsFile } from './domains/bindings-file.ts'
export { NameIndex } from './domains/name-index.ts'
export type { Alert, AlertValue } from './engine/alert.ts'
export { type LinkDeps, linkPlan, type Matcher } from './engine/link-plan.ts'
export { type CaptureSummary, readCapture } from './events/capture/read-capture.ts'
export { type CaptureWriter, openCaptureFile } from './events/capture/write-capture.ts'
export { eventLookup } from './events/event-lookup.ts'
export { type EventInfo, type EventParam, eventTable } from './events/event-table.ts'
export { NdjsonWriter } from './events/ndjson/write-ndjson.ts'
export { openSource, type SourceFile, type SourceSummary } from './events/open-source.ts'
export type { SourceSink } from './events/source.ts'
export { fieldLookup, fields } from './fields/catalogue.ts'
export type { Field } from './fields/field.ts'
export { type AlertFormat, AlertRenderer, defaultAlertFormat } from './outputs/format-alert.ts'
export type { OutputMessage, OutputSink } from './outputs/sinks/sink.ts'
export { type AlertSummary, renderSummary } from './outputs/summary.ts'
export {
  type CompiledRules,
  type CompileRulesOptions,
  compileRules,
  type FileResult,
  type RulesFileInput,
} from './rules/compile-rules.ts'
export { describeRules } from './rules/describe-rules.ts'
export { loadResultsJson } from './rules/load-result.ts'
export type { Plan, PlannedRule } from './rules/plan.ts'
