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
