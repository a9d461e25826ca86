/** The stages that put macros into macros and into rules. */
import { closestName } from '../diagnostics/closest-name.ts'
import type { Ast } from './ast.ts'
import type { CollectedMacro } from './collect-rules.ts'
import { type Compilation, parseText } from './compilation.ts'
import type { ParsedText } from './compile-cache.ts'
import type { TracedOrigin } from './expand-lists.ts'
import { findingAt, type ItemPlace } from './load-finding.ts'
import { expressionFinding } from './place-findings.ts'
import { type MacroResolution, MAX_RESOLVED_DEPTH, measureAst, type ResolutionFailure } from './resolve-macros.ts'

export function parseMacros(c: Compilation): void {
  for (const info of c.collector.macros.values()) {
    const { parsed, rest } = parseText(c, `macro ${info.name}`, info.condition, info.conditionPlace)
    c.macros.set(info.name, { info, parsed, ast: parsed?.ast, rest, isUsed: false })
  }
}

/** Puts macros into macros, in order of definition, so that those before are ready when they are used. */
export function resolveAllMacros(c: Compilation): void {
  const ready = new Set<string>()
  for (const state of c.macros.values()) {
    const { info, parsed } = state
    if (parsed !== undefined) {
      const resolution = c.cache.resolve(parsed.ast, {
        lookup: name => visibleMacro(c, name, info),
        use: name => useMacro(c, name),
        isReady: name => ready.has(name),
      })
      state.ast = acceptResolution(c, resolution, parsed, info.place, info.name)
      if (state.ast === undefined) state.rest = parsed
    }
    ready.add(info.name)
  }
}

export function resolveRules(c: Compilation): void {
  const lookup = (name: string): Ast | undefined => c.macros.get(name)?.ast
  for (const rule of c.rules) {
    const { parsed } = rule
    if (parsed === undefined) continue
    const resolution = c.cache.resolve(parsed.ast, { lookup, use: name => useMacro(c, name), isReady: () => true })
    parsed.retarget()
    rule.ast = acceptResolution(c, resolution, parsed, rule.info.place, undefined)
    if (rule.ast !== undefined) continue
    rule.isOut = true
    rule.rest = parsed
  }
}

/** The tree of a macro as another one may use it. */
export function visibleMacro(c: Compilation, name: string, by: CollectedMacro): Ast | undefined {
  const macro = c.macros.get(name)
  return macro !== undefined && macro.info.index < by.visibility ? macro.ast : undefined
}

function useMacro(c: Compilation, name: string): void {
  const state = c.macros.get(name)
  if (state !== undefined) state.isUsed = true
}

/** An expanded tree beyond this helps nobody and would take long to look at. */
export const MAX_RESOLVED_NODES = 1_000_000

/** The tree of a resolution that went well; else undefined, after a finding. */
function acceptResolution(
  c: Compilation,
  resolution: MacroResolution,
  parsed: ParsedText,
  place: ItemPlace,
  self: string | undefined,
): Ast | undefined {
  if (resolution.ok) {
    const size = measureAst(resolution.ast)
    if (size.nodes <= MAX_RESOLVED_NODES && size.depth <= MAX_RESOLVED_DEPTH) return resolution.ast
    c.findings.push(
      findingAt(place, { code: 'E0221', message: 'the condition is beyond all use once its macros are put in' }),
    )
    return undefined
  }
  reportFailure(c, resolution.failures[0], parsed, place, self)
  return undefined
}

export function reportFailure(
  c: Compilation,
  { kind, macro }: ResolutionFailure,
  parsed: ParsedText,
  place: ItemPlace,
  self: string | undefined,
): void {
  const { name } = macro
  const origin = macro.origin === undefined ? parsed.origin : (macro.origin as TracedOrigin)
  if (kind === 'too-deep') {
    c.findings.push(
      expressionFinding(place, origin, macro.span, parsed.text, {
        code: 'E0221',
        message: 'macros use each other too deeply',
      }),
    )
  } else if (kind === 'loop') {
    c.findings.push(
      expressionFinding(place, origin, macro.span, parsed.text, {
        code: 'E0220',
        message: `macro \`${name}\` refers to itself`,
        label: 'it is being put in already',
      }),
    )
  } else if (isMissing(c, name, self)) {
    const defined = c.collector.macros.get(name)
    const near = defined === undefined ? nearestName(c, name) : undefined
    const isList = defined === undefined && c.collector.lists.has(name)
    const message =
      defined === undefined
        ? `unknown macro \`${name}\``
        : name === self
          ? `macro \`${name}\` uses itself`
          : `macro \`${name}\` is defined after macro \`${self}\`, which uses it`
    c.findings.push(
      expressionFinding(place, origin, macro.span, parsed.text, {
        code: 'E0219',
        message,
        ...(defined !== undefined && {
          help: name === self ? 'use another name for one of them' : 'change their order',
          secondary: [{ source: defined.place.source, span: defined.place.span, text: 'defined here' }],
        }),
        ...(near !== undefined && { help: `did you mean \`${near}\`?` }),
        ...(isList && { help: `\`${name}\` is a list: write \`in (${name})\` after a field` }),
      }),
    )
  }
}

/** The macro that is meant by an unknown one, or the field: `proc_name`. */
function nearestName(c: Compilation, name: string): string | undefined {
  const macro = closestName(name, c.hints.spend(c.collector.macros.keys()))
  if (macro !== undefined || !name.includes('_')) return macro
  const dotted = name.replace('_', '.')
  const resolution = c.fields.resolve(dotted)
  return resolution.kind === 'field' && resolution.length === dotted.length ? dotted : undefined
}

/** Whether a name that was not found is news: not when its definition has an error that is told already. */
function isMissing(c: Compilation, name: string, self: string | undefined): boolean {
  if (c.isPartial || c.broken.has(name)) return false
  const state = c.macros.get(name)
  return state === undefined || name === self || (state.parsed !== undefined && state.ast !== undefined)
}
