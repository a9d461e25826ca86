/** Options that several commands have; apart from what they mean, which takes longer to load. */
import type { OptionSpec } from './parse-arguments.ts'

export const rulesOption: OptionSpec = {
  name: 'rules',
  short: 'r',
  value: 'PATH',
  repeated: true,
  doc: 'rule file, or directory of .yaml files; several may follow one -r. `default`, also without -r: the rules that come with Tiercel',
}

/** The options of every command that reads the configuration. */
export const settingsOptions: readonly OptionSpec[] = [
  { name: 'config', short: 'c', value: 'FILE', doc: 'configuration (tiercel.yaml); the keys are falco.yaml’s' },
  {
    name: 'option',
    short: 'o',
    value: 'KEY=VALUE',
    repeated: true,
    doc: 'set one key of the configuration: json_output=true, append_output[].extra_output=TEXT',
  },
]

/** The options of what prints alerts, live or of captures. */
export const alertOptions: readonly OptionSpec[] = [
  { name: 'json', doc: 'one JSON object per line instead of text; same as -o json_output=true' },
  { name: 'strict', doc: 'domain fields as in Falco 0.44, with only its operators' },
  { name: 'max-alerts', short: 'n', value: 'COUNT', doc: 'stop after COUNT alerts' },
  { name: 'dry-run', doc: 'load configuration and rules, then exit' },
  { name: 'verbose', short: 'v', doc: 'list the files that are read' },
  { name: 'unbuffered', short: 'U', doc: 'accepted; outputs never wait here', hidden: true },
]
