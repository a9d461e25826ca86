import type { Ast, AstMacro } from './ast.ts'

/**
 * Puts macros into conditions, on the tree: the body of a macro is one operand wherever it stands. Trees are shared, never copied, so a
 * macro used a thousand times costs once; `measureAst` says how large a tree is to whoever walks it without knowing that.
 */
export type MacroResolution =
  | { readonly ok: true; readonly ast: Ast }
  | {
      readonly ok: false
      /** One for each name, the one that Falco would tell first. */
      readonly failures: readonly [ResolutionFailure, ...ResolutionFailure[]]
      /** With the other macros put in. */
      readonly ast: Ast
    }

/** A macro that cannot be put in where it stands. */
export interface ResolutionFailure {
  readonly kind: 'unknown' | 'loop' | 'too-deep'
  readonly macro: AstMacro
}

export interface MacroScope {
  /** The tree of a macro that the condition may use, as far as it is resolved itself. */
  lookup(name: string): Ast | undefined
  /** Told each macro that was put in. */
  use(name: string): void
}

/** A condition may be nested so deeply with its macros put in; recursion over it must fit on the stack. */
export const MAX_RESOLVED_DEPTH = 3000

/** More unknown macros than this in one condition are told of when these are mended. */
const MAX_FAILURES = 50

/** Replaces all macros of `ast`; when some are unknown and one refers to itself, the latter is told first. */
export function resolveMacros(ast: Ast, scope: MacroScope): MacroResolution {
  const resolver = new MacroResolver(scope)
  const resolved = resolver.resolve(ast)
  const [first, ...rest] = resolver.failures()
  return first === undefined ? { ok: true, ast: resolved } : { ok: false, failures: [first, ...rest], ast: resolved }
}

class MacroResolver {
  readonly #scope: MacroScope
  readonly #done = new Map<string, Ast>()
  readonly #path = new Set<string>()
  readonly #unknown = new Map<string, ResolutionFailure>()
  #loop: ResolutionFailure | undefined
  #tooDeep: ResolutionFailure | undefined
  #depth = 0

  constructor(scope: MacroScope) {
    this.#scope = scope
  }

  /** The loop first; then what was met first. */
  failures(): readonly ResolutionFailure[] {
    return [this.#loop, ...this.#unknown.values(), this.#tooDeep].filter(failure => failure !== undefined)
  }

  resolve(ast: Ast): Ast {
    this.#depth++
    const resolved = this.#resolveNode(ast)
    this.#depth--
    return resolved
  }

  #resolveNode(ast: Ast): Ast {
    switch (ast.kind) {
      case 'and':
      case 'or': {
        let operands: Ast[] | undefined
        for (let i = 0; i < ast.operands.length; i++) {
          const operand = ast.operands[i]!
          const resolved = this.resolve(operand)
          if (resolved !== operand) operands ??= ast.operands.slice(0, i)
          operands?.push(resolved)
        }
        return operands === undefined ? ast : { ...ast, operands }
      }
      case 'not': {
        const operand = this.resolve(ast.operand)
        return operand === ast.operand ? ast : { ...ast, operand }
      }
      case 'macro':
        return this.#resolveMacro(ast)
      case 'check':
        return ast
      default:
        return ast satisfies never
    }
  }

  #resolveMacro(macro: AstMacro): Ast {
    const { name } = macro
    const done = this.#done.get(name)
    if (done !== undefined) return done
    const body = this.#scope.lookup(name)
    if (body === undefined) {
      if (this.#unknown.size < MAX_FAILURES && !this.#unknown.has(name)) {
        this.#unknown.set(name, { kind: 'unknown', macro })
      }
      return macro
    }
    if (this.#path.has(name)) {
      this.#loop ??= { kind: 'loop', macro }
      return macro
    }
    if (this.#depth >= MAX_RESOLVED_DEPTH) {
      this.#tooDeep ??= { kind: 'too-deep', macro }
      return macro
    }
    this.#path.add(name)
    const resolved = this.resolve(body)
    this.#path.delete(name)
    this.#scope.use(name)
    // Also after a failure, so that every macro is looked at once: all loops through this one have been found by now.
    this.#done.set(name, resolved)
    return resolved
  }
}

/** How large a tree is when written out. */
export interface AstSize {
  readonly nodes: number
  readonly depth: number
}

const sizes = new WeakMap<Ast, AstSize>()

/** Measures a tree; shared parts count as often as they stand in it, but are looked at once. */
export function measureAst(ast: Ast): AstSize {
  const known = sizes.get(ast)
  if (known !== undefined) return known
  let nodes = 1
  let depth = 0
  const add = (part: Ast): void => {
    const size = measureAst(part)
    nodes += size.nodes
    depth = Math.max(depth, size.depth)
  }
  if (ast.kind === 'and' || ast.kind === 'or') for (const operand of ast.operands) add(operand)
  else if (ast.kind === 'not') add(ast.operand)
  const size = { nodes, depth: depth + 1 }
  sizes.set(ast, size)
  return size
}
