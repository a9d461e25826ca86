import { closestName } from '../diagnostics/closest-name.ts'
import type { DiagnosticCode } from '../diagnostics/codes.ts'
import type { Diagnostic } from '../diagnostics/diagnostic.ts'
import type { Place } from './config-node.ts'

/** What can be wrong in a configuration: one function per finding. */

function finding(
  code: DiagnosticCode,
  place: Place,
  message: string,
  more: Pick<Diagnostic, 'label' | 'help' | 'notes' | 'secondary'> = {},
): Diagnostic {
  return { code, severity: code.startsWith('E') ? 'error' : 'warning', message, ...place, ...more }
}

export function unreadableFile(place: Place, path: string, cause: string): Diagnostic {
  return finding('E0301', place, `cannot read the configuration file \`${path}\`: ${cause}`)
}

export function fileTooLarge(place: Place, mostBytes: number): Diagnostic {
  return finding('E0301', place, `the configuration file \`${place.source.path}\` is larger than ${mostBytes} bytes`)
}

export function yamlError(place: Place, error: { readonly message: string; readonly help?: string }): Diagnostic {
  return finding('E0302', place, error.message, error.help === undefined ? {} : { help: error.help })
}

export function envNeverEnds(place: Place, text: string): Diagnostic {
  return finding('E0302', place, `replacing the variables in \`${text}\` does not come to an end`, {
    label: 'a variable refers to itself',
  })
}

/** `wanted` names the type in words: `a whole number`, `true or false`. */
export function wrongType(place: Place, key: string, wanted: string, found: string): Diagnostic {
  return finding('E0303', place, `\`${key}\` must be ${wanted}, not ${found}`)
}

export function notAllowed(place: Place, key: string, value: string, why: string, help?: string): Diagnostic {
  return finding('E0304', place, `\`${key}\` cannot be \`${value}\``, {
    label: why,
    ...(help !== undefined && { help }),
  })
}

export function notOneOf(place: Place, key: string, value: string, allowed: readonly string[]): Diagnostic {
  const near = closestName(value, allowed)
  const help = near === undefined ? {} : { help: `did you mean \`${near}\`?` }
  return finding('E0304', place, `\`${key}\` cannot be \`${value}\``, {
    label: `one of ${allowed.join(', ')}`,
    ...help,
  })
}

export function missingKey(place: Place, key: string, why: string): Diagnostic {
  return finding('E0305', place, `\`${key}\` is missing`, { label: why })
}

export function nestedConfigFiles(place: Place): Diagnostic {
  return finding('E0306', place, '`config_files` in a file that is itself named by `config_files`', {
    label: 'only the main file may name others',
  })
}

export function selfIncluded(place: Place, path: string): Diagnostic {
  return finding('E0306', place, `the configuration file \`${path}\` names itself in \`config_files\``)
}

export function badOption(place: Place, message: string, help?: string): Diagnostic {
  return finding('E0307', place, message, help === undefined ? {} : { help })
}

export function bothKeys(place: Place, key: string, other: string, otherPlace: Place): Diagnostic {
  return finding('E0308', place, `both \`${key}\` and \`${other}\` are set`, {
    secondary: [{ ...otherPlace, text: `\`${other}\` is set here` }],
  })
}

export function noSuchPlugin(place: Place, name: string): Diagnostic {
  return finding('E0308', place, `\`load_plugins\` names \`${name}\`, which \`plugins\` does not describe`)
}

export function unknownKey(place: Place, key: string, within: string, known: Iterable<string>): Diagnostic {
  const near = closestName(key, known)
  const where = within === '' ? '' : ` in \`${within}\``
  return finding('W0301', place, `unknown key \`${key}\`${where}`, {
    label: 'it has no effect',
    ...(near !== undefined && { help: `did you mean \`${near}\`?` }),
  })
}

export function removedKey(place: Place, key: string, help: string): Diagnostic {
  return finding('W0302', place, `\`${key}\` is no longer there`, { label: 'it has no effect', help })
}

export function deprecatedKey(place: Place, key: string, help: string): Diagnostic {
  return finding('W0302', place, `\`${key}\` is deprecated`, { help })
}

export function noEffect(place: Place, what: string, why: string): Diagnostic {
  return finding('W0303', place, `${what} has no effect`, { label: why })
}

export function duplicateKey(place: Place, key: string, first: Place): Diagnostic {
  return finding('W0304', place, `the key \`${key}\` is written twice`, {
    label: 'only the first counts',
    secondary: [{ ...first, text: 'first written here' }],
  })
}

export function furtherDocuments(place: Place): Diagnostic {
  return finding('W0304', place, 'a second YAML document', { label: 'only the first document of the file counts' })
}

export function skippedFile(place: Place, path: string): Diagnostic {
  return finding('W0305', place, `the configuration file \`${path}\` does not exist`, { label: 'it is left out' })
}

export function ruleAndTags(place: Place, rule: string, tags: readonly string[]): Diagnostic {
  return finding('W0306', place, `an \`append_output\` entry names both the rule \`${rule}\` and tags`, {
    label: `it applies to this rule only, and only if it has ${tags.length === 1 ? 'the tag' : 'all tags'} ${tags.join(', ')}`,
  })
}

export function noOutput(place: Place): Diagnostic {
  return finding('W0307', place, 'no output is enabled', {
    label: 'alerts go nowhere',
    help: 'set `stdout_output.enabled: true`, or enable another output',
  })
}
