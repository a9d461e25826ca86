/**
 * Domain names as rules spell them and as DNS answers carry them, in one canonical form, so that two spellings of one name are the
 * same text: lower case, no final dot, letters outside ASCII as A-labels (`xn--…`, UTS 46 as the URL standard applies it).
 */

/** RFC 1035 §2.3.4, without the final dot and with it counted out: 255 octets on the wire are 253 characters. */
export const MAX_NAME_LENGTH = 253
export const MAX_LABEL_LENGTH = 63

/** Underscores are kept: `_dmarc.example.com` and many real host names have them. */
const LABEL_CHARACTERS = 'abcdefghijklmnopqrstuvwxyz0123456789_-'
const IN_LABEL: Uint8Array = new Uint8Array(128)
for (const character of LABEL_CHARACTERS) IN_LABEL[character.charCodeAt(0)] = 1
const DOT = 0x2e
const ASCII_OF_NAME: RegExp = /^[A-Za-z0-9._-]*$/
const ASCII_NOT_OF_NAME: RegExp = /[\u0000-\u002c\u002f\u003a-\u0040\u005b-\u005e\u0060\u007b-\u007f]/

/** Whether `text` is a domain name already in the canonical form that `normaliseDomain` gives. */
export function isDomainName(text: string): boolean {
  const { length } = text
  if (length === 0 || length > MAX_NAME_LENGTH) return false
  let labelLength = 0
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i)
    if (code === DOT) {
      if (labelLength === 0) return false
      labelLength = 0
    } else if (code >= IN_LABEL.length || IN_LABEL[code] === 0 || ++labelLength > MAX_LABEL_LENGTH) return false
  }
  return labelLength > 0
}

/**
 * The canonical form of a name; undefined when it is none: empty, the root, an empty label, a label over 63 or a name over 253
 * characters, or a character that no host name has. `text` is ordinary Unicode text, not `ByteText`. At most one final dot is
 * dropped. An IPv4 address in text passes as the name it also is.
 */
export function normaliseDomain(text: string): string | undefined {
  if (isDomainName(text)) return text
  // No spelling is four times as long as its A-labels; the bound keeps hostile text from the IDNA mapping.
  if (text.length > MAX_NAME_LENGTH * 4) return undefined
  let name: string
  if (ASCII_OF_NAME.test(text)) {
    name = text.toLowerCase()
  } else {
    const ascii = ASCII_NOT_OF_NAME.test(text) ? undefined : toALabels(text)
    if (ascii === undefined) return undefined
    name = ascii
  }
  if (name.endsWith('.')) name = name.slice(0, -1)
  return isDomainName(name) ? name : undefined
}

/** `URL` is used because it is the one UTS 46 that Node and browsers share; the caller has excluded every character that ends a host. */
function toALabels(text: string): string | undefined {
  const url = URL.parse(`http://${text}/`)
  return url === null ? undefined : url.hostname
}

/**
 * A name as a rule may spell it. `below`: `*.example.com`, the names that have one label *or more* before `.example.com`; not
 * `example.com` itself, nor `badexample.com`. The star stands for whole labels and may only be the first one.
 */
export type DomainPattern =
  | { readonly kind: 'exact'; readonly name: string }
  | { readonly kind: 'below'; readonly suffix: string }

/** Reads a name or `*.name`; undefined for everything else with a star, and for what is no name. */
export function parseDomainPattern(text: string): DomainPattern | undefined {
  if (text.startsWith('*.')) {
    const suffix = normaliseDomain(text.slice(2))
    return suffix === undefined ? undefined : { kind: 'below', suffix }
  }
  const name = normaliseDomain(text)
  return name === undefined ? undefined : { kind: 'exact', name }
}

/** Top-level names that the public DNS never delegates, or that name only this host or network. */
const SPECIAL_SUFFIXES: ReadonlySet<string> = new Set([
  'alt', // RFC 9476
  'arpa',
  'corp', // with home and mail: never to be delegated, ICANN 2018-02-04
  'home',
  'internal', // reserved for private use, ICANN 2024-07-29
  'intranet',
  'invalid', // RFC 6761, with localhost and test
  'lan',
  'local', // RFC 6762
  'localdomain',
  'localhost',
  'mail',
  'onion', // RFC 7686
  'private',
  'test',
])

/**
 * Whether a canonical name is one of the public DNS: it has two labels or more and its last is not set aside for private or local
 * use. Such a name has no business with a loopback or link-local address. A private zone under a public suffix counts as public.
 */
export function isPublicDomain(name: string): boolean {
  const dot = name.lastIndexOf('.')
  return dot > 0 && !SPECIAL_SUFFIXES.has(name.slice(dot + 1))
}

/** Whether a canonical name means this host by definition (RFC 6761 §6.3). */
export function isLocalhostName(name: string): boolean {
  return name === 'localhost' || name.endsWith('.localhost')
}
