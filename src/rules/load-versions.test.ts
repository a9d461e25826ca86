import { testLoadCases } from './testdata/load-cases.ts'

const rule = '- {rule: r, desc: d, condition: evt.type = close, output: o, priority: INFO}\n'

const loaded = (text: string): { readonly name: string; readonly version: string }[] =>
  text === '' ? [] : text.split(', ').map(each => ({ name: each.split(' ')[0]!, version: each.split(' ')[1]! }))

testLoadCases([
  ...[
    '0.26.0',
    '26',
    '2',
    '"26"',
    '0',
    '0.62.0',
    '62',
    '0.61.9',
    '0.0.0',
    '0.26.0-rc1',
    '0x1a',
    '026',
    '" 0.1.0"',
    '0.1.2.3',
  ].map(version => ({
    name: `engine version ${version} is met`,
    files: `- required_engine_version: ${version}\n${rule}`,
  })),
  ...['63', '0.63.0', '0.62.1', '1.0.0', '9999999', '4294967295'].map(version => ({
    name: `engine version ${version} is too new`,
    files: `- required_engine_version: ${version}\n${rule}`,
    codes: ['ERR_VALIDATE'],
  })),
  ...['seven', 'not-a-number', '1.5', '0.26', '-1', '[1]', "''", '~', ''].map(version => ({
    name: `${version === '' ? 'nothing' : version} is no engine version`,
    files: `- required_engine_version: ${version}\n${rule}`,
    codes: ['ERR_YAML_VALIDATE'],
  })),
  {
    name: 'every file may ask for a version',
    files: [
      `- required_engine_version: 10\n${rule}`,
      '- required_engine_version: 2\n',
      '- required_engine_version: 63\n',
    ],
    codes: ['ERR_VALIDATE'],
  },

  // Plugins
  {
    name: 'the container fields are built in',
    files: `- required_plugin_versions: [{name: container, version: 0.4.0}]\n${rule}`,
  },
  {
    name: 'a later container plugin is not',
    files: `- required_plugin_versions: [{name: container, version: 0.99.0}]\n${rule}`,
    codes: ['ERR_VALIDATE'],
  },
  ...[
    { plugins: '', want: '', name: 'nothing is needed' },
    { plugins: 'k8saudit 0.1.0', want: '{name: k8saudit, version: 0.1.0}', name: 'the same version' },
    { plugins: 'k8saudit 0.2.0', want: '{name: k8saudit, version: 0.1.0}', name: 'a later version' },
    {
      plugins: 'k8saudit 0.1.0, json 0.3.0',
      want: '{name: k8saudit, version: 0.1.0}, {name: json, version: 0.3.0}',
      name: 'two plugins',
    },
    {
      plugins: 'other 0.5.0',
      want: '{name: k8saudit, version: 0.1.0, alternatives: [{name: other, version: 0.4.0}]}',
      name: 'an alternative',
    },
    {
      plugins: 'other 0.5.0, json2 0.5.0',
      want: '{name: k8saudit, version: 0.1.0, alternatives: [{name: other, version: 0.4.0}]}, {name: json, version: 0.3.0, alternatives: [{name: json2, version: 0.1.0}]}',
      name: 'alternatives of two',
    },
    { plugins: 'other 0.5.0', want: '{name: k8saudit, version: 0.1.0, alternatives: }', name: '', isRefused: true },
  ].map(({ plugins, want, name, isRefused }) => ({
    name: isRefused === true ? 'alternatives are a list' : `plugins: ${name}`,
    files: `- required_plugin_versions: [${want}]\n${rule}`,
    plugins: loaded(plugins),
    ...(isRefused === true && { codes: ['ERR_YAML_VALIDATE'] }),
  })),
  ...[
    { plugins: '', want: '{name: k8saudit, version: 0.1.0}', name: 'none is loaded' },
    { plugins: 'k8saudit 0.1.0', want: '{name: k8saudit2, version: 0.1.0}', name: 'another is loaded' },
    { plugins: 'k8saudit 0.1.0', want: '{name: k8saudit, version: 0.2.0}', name: 'too old' },
    { plugins: 'k8saudit 1.1.0', want: '{name: k8saudit, version: 0.2.0}', name: 'another major version' },
    {
      plugins: 'k8saudit 0.1.0',
      want: '{name: k8saudit, version: 0.1.0}, {name: json, version: 0.3.0}',
      name: 'one of two is missing',
    },
    {
      plugins: 'k8saudit2 0.5.0',
      want: '{name: k8saudit, version: 0.1.0, alternatives: [{name: other, version: 0.4.0}]}',
      name: 'neither it nor the alternative',
    },
    {
      plugins: 'k8saudit 0.5.0',
      want: '{name: k8saudit, version: 0.1.0, alternatives: [{name: k8saudit, version: 0.4.0}]}',
      name: 'the alternative has the same name',
    },
    { plugins: 'a 1.0.0', want: '{name: a, version: one}', name: 'the version is no version' },
    { plugins: 'a 1.0.0', want: '{name: a, version: 1.0}', name: 'the version has two numbers' },
  ].map(({ plugins, want, name }) => ({
    name: `plugins refused: ${name}`,
    files: `- required_plugin_versions: [${want}]\n${rule}`,
    plugins: loaded(plugins),
    codes: ['ERR_VALIDATE'],
  })),
  {
    name: 'plugins: every requirement counts',
    files: `
- required_plugin_versions: [{name: k8saudit, version: 0.1.0}]
- required_plugin_versions: [{name: k8saudit, version: 0.2.0}]
${rule}`,
    plugins: loaded('k8saudit 0.2.0'),
  },
  {
    name: 'plugins refused: one of several requirements is not met',
    files: `
- required_plugin_versions: [{name: k8saudit, version: 0.1.0}]
- required_plugin_versions: [{name: k8saudit, version: 0.2.0}]
${rule}`,
    plugins: loaded('k8saudit 0.1.0'),
    codes: ['ERR_VALIDATE'],
  },
  {
    name: 'plugins: an alternative in each of two requirements',
    files: `
- required_plugin_versions: [{name: k8saudit, version: 0.1.0, alternatives: [{name: other, version: 0.4.0}]}]
- required_plugin_versions: [{name: k8saudit, version: 1.0.0, alternatives: [{name: other, version: 0.7.0}]}]
${rule}`,
    plugins: loaded('other 0.7.0'),
  },
  {
    name: 'plugins refused: of one requirement another major version, of the other nothing',
    files: `
- required_plugin_versions: [{name: k8saudit, version: 0.4.0, alternatives: [{name: other, version: 0.4.0}]}]
- required_plugin_versions: [{name: k8saudit, version: 1.0.0, alternatives: [{name: other, version: 0.7.0}]}]
${rule}`,
    plugins: loaded('k8saudit 0.7.0'),
    codes: ['ERR_VALIDATE'],
  },
  ...[
    ['requirements are a list', '{name: a, version: 1.0.0}'],
    ['a requirement is a mapping', '[a]'],
    ['a requirement needs a name', '[{version: 1.0.0}]'],
    ['a requirement needs a version', '[{name: a}]'],
    ['an alternative is a mapping', '[{name: a, version: 1.0.0, alternatives: [b]}]'],
    ['an alternative needs a version', '[{name: a, version: 1.0.0, alternatives: [{name: b}]}]'],
  ].map(([name, yaml]) => ({
    name: name!,
    files: `- required_plugin_versions: ${yaml}\n${rule}`,
    plugins: loaded('a 1.0.0'),
    codes: ['ERR_YAML_VALIDATE'],
  })),
])
