/** The stage that looks for further mistakes in what has one already, in which Falco sees nothing more. */
import type { Ast } from './ast.ts'
import { CONTAINER_INFO } from './check-outputs.ts'
import type { CollectedMacro, UnsoundRule } from './collect-rules.ts'
import { type Compilation, isForgivable, parseText, withListHint } from './compilation.ts'
import type { ParsedText } from './compile-cache.ts'
import { MAX_RESOLVED_NODES, reportFailure, visibleMacro } from './compile-macros.ts'
import { locateInText } from './condition-text.ts'
import { addExceptions } from './exception-text.ts'
import { findingAt, findingKey, type ItemPlace } from './load-finding.ts'
import { conditionFinding, textOf } from './place-findings.ts'
import { measureAst } from './resolve-macros.ts'

/**
 * Looks for further mistakes in what has one already, in which Falco sees nothing more. Macros that are missing, or have an error, count as
 * unknown, so that one mistake does not become two.
 */
export function checkRest(c: Compilation): void {
  const rest: Compilation = { ...c, findings: [] }
  for (const { info, rest: parsed } of c.macros.values()) {
    if (parsed !== undefined) checkParsed(rest, parsed, { ...info, macro: info })
  }
  for (const { info, rest: parsed, hasBadExceptions } of c.rules) {
    if (parsed !== undefined) checkParsed(rest, parsed, info)
    if (hasBadExceptions) checkUnsound(rest, { ...info, exceptions: [] })
  }
  for (const rule of c.collector.unsound) checkUnsound(rest, rule)
  if (rest.findings.length === 0) return
  const said = new Set(c.findings.map(findingKey))
  for (const finding of rest.findings) {
    const key = findingKey(finding)
    if (!said.has(key)) c.findings.push(finding)
    said.add(key)
  }
}

function checkUnsound(c: Compilation, rule: UnsoundRule): void {
  const {
    condition,
    exceptions,
    output,
    place,
    conditionPlace = place,
    outputPlace = place,
    skipIfUnknownFilter,
  } = rule
  if (condition !== undefined) {
    const added = addExceptions(condition, exceptions)
    c.findings.push(...added.findings)
    const { parsed, rest } = parseText(c, '', added.findings.length > 0 ? condition : added.condition, conditionPlace)
    const either = parsed ?? rest
    if (either !== undefined) checkParsed(c, either, { place, conditionPlace, skipIfUnknownFilter })
  }
  if (output === undefined) return
  for (const error of c.cache.checkOutput(output.text.replaceAll(CONTAINER_INFO, ''))) {
    if (error.kind === 'unknown-field' && skipIfUnknownFilter) continue
    const isShifted = output.text.includes(CONTAINER_INFO)
    c.findings.push(findingAt(outputPlace, textOf(error), isShifted ? undefined : locateInText(output, error.span)))
  }
}

/** Checks a condition as far as it could be read and its macros are known. */
function checkParsed(
  c: Compilation,
  parsed: ParsedText,
  of: {
    readonly place: ItemPlace
    readonly conditionPlace: ItemPlace
    readonly skipIfUnknownFilter?: boolean
    /** Present for the condition of a macro. */
    readonly macro?: CollectedMacro
  },
): void {
  const { macro } = of
  const lookup = (name: string): Ast | undefined =>
    macro === undefined ? c.macros.get(name)?.ast : visibleMacro(c, name, macro)
  const resolution = c.cache.resolve(parsed.ast, { lookup, use: () => {}, isReady: () => true })
  parsed.retarget()
  if (!resolution.ok) {
    for (const failure of resolution.failures) {
      // That it uses itself has been said.
      if (failure.macro.name !== macro?.name) reportFailure(c, failure, parsed, of.place, macro?.name)
    }
  }
  if (measureAst(resolution.ast).nodes > MAX_RESOLVED_NODES) return
  for (const error of c.cache.check(resolution.ast)) {
    if (of.skipIfUnknownFilter === true && isForgivable(error)) continue
    const hinted = withListHint(c, error, parsed)
    if (hinted !== undefined) {
      c.findings.push(conditionFinding(hinted, parsed.origin, parsed.text, of.conditionPlace))
    }
  }
}
