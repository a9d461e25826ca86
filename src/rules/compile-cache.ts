import type { Span } from '../diagnostics/source.ts'
import type { Ast } from './ast.ts'
import { walkAst } from './ast.ts'
import type { CompileOptions, CompileResult } from './compile-condition.ts'
import { checkCondition, compileCondition } from './compile-condition.ts'
import type { OperandError } from './compile-operand.ts'
import type { ConditionError } from './condition-findings.ts'
import type { ConditionText, PlaceInFile } from './condition-text.ts'
import type { ListTable, ListValue, TracedOrigin } from './expand-lists.ts'
import { ExpandedOrigin } from './expand-lists.ts'
import { parseCondition } from './parse-condition.ts'
import { parseOutputFormat } from './parse-output.ts'
import type { MacroResolution, MacroScope } from './resolve-macros.ts'
import { resolveMacros } from './resolve-macros.ts'

/** A condition as it was parsed. Its tree may be that of another condition with the same text. */
export interface ParsedText {
  readonly ast: Ast
  /** What was parsed: the condition with its lists put in. */
  readonly text: string
  readonly origin: TracedOrigin
  /** Makes places of the tree count in this condition; call it before a finding of the tree is turned into a place. */
  readonly retarget: () => void
}

export type ParseTextResult =
  | { readonly ok: true; readonly parsed: ParsedText }
  | {
      readonly ok: false
      readonly error: ConditionError
      /** What was read before the error, joined by `and`; absent when that is nothing. */
      readonly read?: ParsedText
    }

export interface CachedScope extends MacroScope {
  /** Whether the tree of a macro has its own macros put in, and will not change any more. */
  isReady(name: string): boolean
}

/** The origin in the nodes of a tree that several conditions share. */
class MovableOrigin implements TracedOrigin {
  target: TracedOrigin

  constructor(target: TracedOrigin) {
    this.target = target
  }

  get text(): string {
    return this.target.text
  }

  locate(span: Span): PlaceInFile {
    return this.target.locate(span)
  }

  listItem(span: Span): { readonly list: string; readonly item: ListValue } | undefined {
    return this.target.listItem(span)
  }
}

/**
 * Work done once for equal texts and equal trees, across the rules of a file and across files: a rule that a later file does not touch
 * is not compiled again, nor is one that has another's condition.
 */
export class CompileCache {
  readonly #options: CompileOptions
  readonly #parsed = new Map<string, { readonly ast: Ast; readonly origin: MovableOrigin }>()
  readonly #macroNames = new WeakMap<Ast, readonly string[]>()
  readonly #resolved = new WeakMap<Ast, { readonly bodies: readonly Ast[]; readonly ast: Ast }>()
  readonly #compiled = new WeakMap<Ast, CompileResult>()
  readonly #outputs = new Map<string, readonly OperandError[]>()

  constructor(options: CompileOptions) {
    this.#options = { ...options, checks: new WeakMap() }
  }

  /** Parses `expanded`, the text of `condition` with its lists put in. Conditions of different owners never share a tree. */
  parse(owner: string, condition: ConditionText, expanded: string, lists: ListTable): ParseTextResult {
    const key = `${owner}\0${expanded}`
    const target = new ExpandedOrigin(condition, expanded, lists)
    let entry = this.#parsed.get(key)
    if (entry === undefined) {
      const origin = new MovableOrigin(target)
      const result = parseCondition(expanded, { origin })
      if (!result.ok) {
        const { error, read } = result
        if (read.length === 0) return { ok: false, error }
        const ast: Ast = { kind: 'and', operands: read, span: { start: 0, end: expanded.length } }
        return { ok: false, error, read: { ast, text: expanded, origin: target, retarget: () => {} } }
      }
      entry = { ast: result.ast, origin }
      this.#parsed.set(key, entry)
    }
    const { ast, origin } = entry
    const retarget = (): void => {
      origin.target = target
    }
    retarget()
    return { ok: true, parsed: { ast, text: expanded, origin, retarget } }
  }

  /** Puts macros into a tree; the same tree comes back for the same macros. */
  resolve(ast: Ast, scope: CachedScope): MacroResolution {
    const names = this.#namesIn(ast)
    if (names.length === 0) return { ok: true, ast }
    const bodies: Ast[] = []
    for (const name of names) {
      const body = scope.isReady(name) ? scope.lookup(name) : undefined
      if (body === undefined) return resolveMacros(ast, scope)
      bodies.push(body)
    }
    const known = this.#resolved.get(ast)
    if (known?.bodies.every((body, i) => body === bodies[i]) === true) {
      for (const name of names) scope.use(name)
      return { ok: true, ast: known.ast }
    }
    const resolution = resolveMacros(ast, scope)
    if (resolution.ok) this.#resolved.set(ast, { bodies, ast: resolution.ast })
    return resolution
  }

  #namesIn(ast: Ast): readonly string[] {
    const known = this.#macroNames.get(ast)
    if (known !== undefined) return known
    const names = new Set<string>()
    walkAst(ast, node => {
      if (node.kind === 'macro') names.add(node.name)
      return undefined
    })
    const list = [...names]
    this.#macroNames.set(ast, list)
    return list
  }

  /** Compiles a tree without macros. */
  compile(ast: Ast): CompileResult {
    const known = this.#compiled.get(ast)
    if (known !== undefined) return known
    const result = compileCondition(ast, this.#options)
    this.#compiled.set(ast, result)
    return result
  }

  /** What is wrong with the checks of a tree in which macros are missing. */
  check(ast: Ast): readonly ConditionError[] {
    return checkCondition(ast, this.#options)
  }

  /** What is wrong with an output, Falco's error first. */
  checkOutput(text: string): readonly OperandError[] {
    let errors = this.#outputs.get(text)
    if (errors === undefined) {
      const result = parseOutputFormat(text, this.#options)
      errors = result.ok ? [] : [result.error, ...result.more]
      this.#outputs.set(text, errors)
    }
    return errors
  }
}
