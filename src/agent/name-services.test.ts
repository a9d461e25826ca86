import assert from 'node:assert/strict'
import { test } from 'node:test'
import { asksUnseenServices } from './name-services.ts'

const cases = [
  { name: 'files and DNS', text: 'passwd: files sss\nhosts:          files dns\n', want: false },
  { name: 'no line for hosts', text: 'passwd: files systemd\n', want: false },
  { name: 'no file', text: '', want: false },
  { name: 'names of this machine', text: 'hosts: files myhostname dns', want: false },
  { name: 'a daemon', text: 'hosts: files mdns4_minimal [NOTFOUND=return] dns', want: true },
  { name: 'systemd-resolved', text: 'hosts: files resolve [!UNAVAIL=return] dns\n', want: true },
  { name: 'actions name no service', text: 'hosts: files [NOTFOUND=continue  SUCCESS=return] dns', want: false },
  { name: 'an action without its end', text: 'hosts: files dns [NOTFOUND=return', want: false },
  { name: 'a service right behind an action', text: 'hosts: files [NOTFOUND=return]wins', want: true },
  { name: 'comments', text: '#hosts: ldap\nhosts: files dns # ldap\n', want: false },
  { name: 'blanks and tabs', text: '\thosts\t:\tfiles\tldap\r\n', want: true },
  { name: 'line ends of another system', text: 'hosts: files dns\r\n', want: false },
  { name: 'the second line', text: 'hosts: files dns\nhosts: nis\n', want: true },
] as const

for (const { name, text, want } of cases) {
  test(`asksUnseenServices: ${name}`, () => assert.equal(asksUnseenServices(text), want))
}
