import type { ByteText } from '../values/value.ts'

/** scap's limit for a path with its NUL (SCAP_MAX_PATH_SIZE). */
const MAX_PATH_BYTES = 1024

const SLASH = 0x2f
const DOT = 0x2e

// Anything that needs the slow way: an empty, `.` or `..` component, a byte that is not printable ASCII.
const ODD = /\/[./]|[^\x20-\x7e]/

/**
 * The absolute path of `path` seen from `dir`, as Falco makes it (libsinsp `concatenate_paths`): an absolute path stands alone; `dir` is
 * taken as it is and ends in `/` (or is empty); `.`, `..` and double slashes are worked out; a final slash goes; an unprintable byte
 * becomes a dot; more than 1,023 bytes give `/PATH_TOO_LONG`.
 */
export function joinPath(dir: ByteText, path: ByteText): ByteText {
  if (dir.length + path.length + 1 > MAX_PATH_BYTES) return '/PATH_TOO_LONG'
  const isAbsolute = path.length === 0 || path.charCodeAt(0) === SLASH
  const base = isAbsolute ? '' : dir
  if (path.charCodeAt(0) !== DOT && !ODD.test(path)) {
    const whole = base.length === 0 ? path : base + path
    return whole.length > 1 && whole.charCodeAt(whole.length - 1) === SLASH ? whole.slice(0, -1) : whole
  }
  return joinOddPath(base, path)
}

function joinOddPath(base: ByteText, path: ByteText): ByteText {
  const hasBase = base.length > 0
  const out: number[] = []
  for (let i = 0; i < base.length; i++) out.push(base.charCodeAt(i))
  const at = (i: number) => (i < path.length ? path.charCodeAt(i) : 0)
  let i = 0
  while (i < path.length) {
    const c = path.charCodeAt(i)
    if (c < 0x20 || c > 0x7e) {
      out.push(DOT)
      i++
    } else if (c === DOT && (out.length === 0 || out.at(-1) === SLASH)) {
      if (at(i + 1) === DOT && at(i + 2) === SLASH) {
        dropLastComponent(out)
        i += 3
      } else if (at(i + 1) === DOT && at(i + 2) === 0) {
        dropLastComponent(out)
        i += 2
      } else if (at(i + 1) === SLASH) {
        i += 2
      } else if (at(i + 1) === 0) {
        i++
      } else {
        out.push(c)
        i++
      }
    } else if (c === SLASH) {
      const isRepeated = out.length > 0 ? out.at(-1) === SLASH : hasBase
      if (!isRepeated) out.push(c)
      i++
    } else {
      out.push(c)
      i++
    }
  }
  if (out.length > 1 && out.at(-1) === SLASH) out.pop()
  return String.fromCharCode(...out)
}

/** Goes back to just after the slash before the last one; the first character always stays. */
function dropLastComponent(out: number[]): void {
  if (out.length <= 1) return
  out.pop()
  while (out.length >= 1 && out.at(-1) !== SLASH) out.pop()
}
