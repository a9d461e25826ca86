import type { Source, Span } from '../diagnostics/source.ts'

/**
 * The tree of one condition as it is written: macros by name, values as text, fields unresolved. Spans are offsets into the text that
 * was parsed; `origin` finds the place in a file, so that nodes of several texts (macros) can live in one tree.
 */
export type Ast = AstLogical | AstNot | AstMacro | AstCheck

export interface AstLogical {
  readonly kind: 'and' | 'or'
  /** Two or more. */
  readonly operands: readonly Ast[]
  readonly span: Span
}

export interface AstNot {
  readonly kind: 'not'
  readonly operand: Ast
  readonly span: Span
}

/** A bare identifier: the name of a macro. */
export interface AstMacro {
  readonly kind: 'macro'
  readonly name: string
  readonly span: Span
  readonly origin?: ConditionOrigin
}

export interface AstCheck {
  readonly kind: 'check'
  readonly lhs: AstField | AstTransform
  /** As written, so `==` stays `==`. */
  readonly op: string
  readonly opSpan: Span
  readonly modifier?: 'anyof' | 'allof' | 'oneof'
  readonly rhs: AstRhs
  readonly span: Span
  readonly origin?: ConditionOrigin
}

export type AstRhs = { readonly kind: 'none' } | AstValue | AstValueList | AstField | AstTransform

/** One constant, unescaped. */
export interface AstValue {
  readonly kind: 'value'
  readonly text: string
  readonly quoted: boolean
  readonly span: Span
}

export interface AstValueList {
  readonly kind: 'values'
  readonly items: readonly AstValue[]
  readonly span: Span
}

export interface AstField {
  readonly kind: 'field'
  /** Dotted name without the bracketed argument: `evt.arg.path`, `proc.aname`. */
  readonly name: string
  /** The bracketed argument, unescaped. */
  readonly arg?: string
  readonly span: Span
}

export interface AstTransform {
  readonly kind: 'transform'
  readonly name: string
  readonly args: readonly AstArg[]
  /** What stands in brackets after the closing parenthesis: `getopt(proc.args, "c:")[c]`. */
  readonly index?: string
  readonly span: Span
}

/** An argument of a transformer: a field, another transformer, a literal, or (for `join`) a parenthesised list. */
export type AstArg = AstField | AstTransform | AstLiteral | AstArgList

export interface AstLiteral {
  readonly kind: 'literal'
  readonly text: string
  readonly isNumber: boolean
  readonly span: Span
}

export interface AstArgList {
  readonly kind: 'list'
  readonly items: readonly AstArg[]
  readonly span: Span
}

/** Where a condition's text came from: turns a span of it into a place in a file. */
export interface ConditionOrigin {
  locate(span: Span): { readonly source: Source; readonly span: Span }
}

/** Visits `ast`, then its children left to right; a `false` from `visit` skips the children. Depth is that of the tree. */
export function walkAst(ast: Ast, visit: (node: Ast) => boolean | undefined): void {
  if (visit(ast) === false) return
  switch (ast.kind) {
    case 'and':
    case 'or':
      for (const operand of ast.operands) walkAst(operand, visit)
      return
    case 'not':
      walkAst(ast.operand, visit)
      return
    case 'macro':
    case 'check':
      return
    default:
      ast satisfies never
  }
}
