import type { Ast, AstArg, AstRhs } from './ast.ts'
import { escapeValue, quoteValue } from './escapes.ts'

export interface PrintOptions {
  /** Quote what would not read back as the same value; Falco's own form does not care. */
  readonly reparsable?: boolean
}

/**
 * The text of a condition in Falco's form: `and` and `or` in parentheses, one blank between words, values quoted only when they hold
 * a blank, a quote or a backslash. This is what `describe` shows. Recursion is as deep as the tree.
 */
export function printAst(ast: Ast, options: PrintOptions = {}): string {
  const print = options.reparsable === true ? quoteValue : escapeValue
  const parts: string[] = []
  printInto(parts, ast, print)
  return parts.join('')
}

/** A field, transformer or argument in Falco's form; for a field or a transformer this is also its key in `output_fields`. */
export function printOperand(operand: AstArg, options: PrintOptions = {}): string {
  const parts: string[] = []
  printArgInto(parts, operand, options.reparsable === true ? quoteValue : escapeValue)
  return parts.join('')
}

type PrintValue = (text: string) => string

function printInto(parts: string[], ast: Ast, print: PrintValue): void {
  switch (ast.kind) {
    case 'and':
    case 'or': {
      parts.push('(')
      let first = true
      for (const operand of ast.operands) {
        if (!first) parts.push(` ${ast.kind} `)
        first = false
        printInto(parts, operand, print)
      }
      parts.push(')')
      return
    }
    case 'not': {
      parts.push('not ')
      // `not not x` would read back as `x`.
      const nested = ast.operand.kind === 'not' && print === quoteValue
      if (nested) parts.push('(')
      printInto(parts, ast.operand, print)
      if (nested) parts.push(')')
      return
    }
    case 'macro':
      parts.push(ast.name)
      return
    case 'check':
      printArgInto(parts, ast.lhs, print)
      parts.push(' ', ast.op)
      if (ast.modifier !== undefined) parts.push(' ', ast.modifier)
      printRhs(parts, ast.rhs, print)
      return
    default:
      ast satisfies never
  }
}

function printRhs(parts: string[], rhs: AstRhs, print: PrintValue): void {
  switch (rhs.kind) {
    case 'none':
      return
    case 'value':
      parts.push(' ', print(rhs.text))
      return
    case 'values':
      parts.push(' (', rhs.items.map(item => print(item.text)).join(', '), ')')
      return
    default:
      parts.push(' ')
      printArgInto(parts, rhs, print)
  }
}

/** Falco quotes an argument in brackets also for a `=`. */
function printBracketArg(arg: string, print: PrintValue): string {
  const printed = print(arg)
  return printed === arg && arg.includes('=') ? `"${arg}"` : printed
}

function printArgInto(parts: string[], arg: AstArg, print: PrintValue): void {
  switch (arg.kind) {
    case 'field':
      parts.push(arg.name)
      if (arg.arg !== undefined) parts.push('[', printBracketArg(arg.arg, print), ']')
      return
    case 'literal':
      parts.push(print === quoteValue && !arg.isNumber ? quoteAlways(arg.text) : print(arg.text))
      return
    case 'transform':
      parts.push(arg.name, '(')
      printList(parts, arg.args, print)
      parts.push(')')
      if (arg.index !== undefined) parts.push('[', print(arg.index), ']')
      return
    case 'list':
      parts.push('(')
      printList(parts, arg.items, print)
      parts.push(')')
      return
    default:
      arg satisfies never
  }
}

function printList(parts: string[], args: readonly AstArg[], print: PrintValue): void {
  args.forEach((arg, i) => {
    if (i > 0) parts.push(',')
    printArgInto(parts, arg, print)
  })
}

/** Text arguments of transformers have no bare form. */
function quoteAlways(text: string): string {
  const quoted = quoteValue(text)
  return quoted.startsWith('"') ? quoted : `"${quoted}"`
}
