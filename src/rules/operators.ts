/** The words of the condition language. What each operator means and for which types is in `operand-types.ts` and the engine. */

const UNARY_OPERATORS: readonly string[] = ['exists']

/** Tried in this order, as in Falco: `<=` before `<`. They take a number or a field. */
export const NUMBER_OPERATORS: readonly string[] = ['<=', '<', '>=', '>']

/** They take one value, and may carry a modifier and then take a list. */
export const STRING_OPERATORS: readonly string[] = [
  '==',
  '=',
  '!=',
  'glob',
  'iglob',
  'contains',
  'icontains',
  'bcontains',
  'startswith',
  'bstartswith',
  'endswith',
  'regex',
]

/** They take a list. `intersects` before `in`, because operators are matched as prefixes. */
export const LIST_OPERATORS: readonly string[] = ['intersects', 'in', 'pmatch']

export const OPERATORS: readonly string[] = [
  ...UNARY_OPERATORS,
  ...NUMBER_OPERATORS,
  ...STRING_OPERATORS,
  ...LIST_OPERATORS,
]

export type Modifier = 'anyof' | 'allof' | 'oneof'

export const MODIFIERS: readonly Modifier[] = ['oneof', 'anyof', 'allof']

/** The transformers that may stand on either side; `val` is apart, it stands on the right only. */
export const TRANSFORMERS: readonly string[] = [
  'tolower',
  'toupper',
  'b64',
  'basename',
  'len',
  'join',
  'concat',
  'getopt',
]

/** `startswith oneof` → its two words; undefined when either is unknown or the operator takes no modifier. Blanks around are ignored. */
export function parseModifiedOperator(text: string): { readonly op: string; readonly modifier: Modifier } | undefined {
  const words = text.trim().split(/\s+/)
  const [op, modifier] = words
  if (words.length !== 2 || op === undefined || !STRING_OPERATORS.includes(op)) return undefined
  const known = MODIFIERS.find(m => m === modifier)
  return known === undefined ? undefined : { op, modifier: known }
}
