import type { DnsAnswer, DnsPayload, EventContext, HttpPayload, TlsPayload } from '../state/event-context.ts'
import { renderIp } from '../values/ip.ts'
import type { ByteText, Value } from '../values/value.ts'
import type { Field } from './field.ts'

/*
 * What processes say to name servers and to the servers they connect to: values are there only where the agent observes names, and only
 * for the event that completed the message.
 */

/** IANA's names of DNS record types that are in use; others print as `TYPE65280` (RFC 3597). */
const TYPE_NAMES: ReadonlyMap<number, string> = new Map([
  [1, 'A'],
  [2, 'NS'],
  [5, 'CNAME'],
  [6, 'SOA'],
  [10, 'NULL'],
  [12, 'PTR'],
  [13, 'HINFO'],
  [15, 'MX'],
  [16, 'TXT'],
  [28, 'AAAA'],
  [29, 'LOC'],
  [33, 'SRV'],
  [35, 'NAPTR'],
  [37, 'CERT'],
  [39, 'DNAME'],
  [43, 'DS'],
  [44, 'SSHFP'],
  [46, 'RRSIG'],
  [47, 'NSEC'],
  [48, 'DNSKEY'],
  [50, 'NSEC3'],
  [52, 'TLSA'],
  [64, 'SVCB'],
  [65, 'HTTPS'],
  [99, 'SPF'],
  [251, 'IXFR'],
  [252, 'AXFR'],
  [255, 'ANY'],
  [256, 'URI'],
  [257, 'CAA'],
])

/** IANA's names of response codes; others print as `RCODE12`. */
const CODE_NAMES: ReadonlyMap<number, string> = new Map([
  [0, 'NOERROR'],
  [1, 'FORMERR'],
  [2, 'SERVFAIL'],
  [3, 'NXDOMAIN'],
  [4, 'NOTIMP'],
  [5, 'REFUSED'],
  [6, 'YXDOMAIN'],
  [7, 'YXRRSET'],
  [8, 'NXRRSET'],
  [9, 'NOTAUTH'],
  [10, 'NOTZONE'],
  [16, 'BADVERS'],
  [23, 'BADCOOKIE'],
])

function typeName(type: number): string {
  return TYPE_NAMES.get(type) ?? `TYPE${type}`
}

function answerText(answer: DnsAnswer): ByteText {
  if (answer.ip !== undefined) return renderIp(answer.ip)
  return answer.target ?? answer.text ?? typeName(answer.type)
}

function smallestTtl(answers: readonly DnsAnswer[]): number | undefined {
  let least: number | undefined
  for (const { ttlSec } of answers) if (least === undefined || ttlSec < least) least = ttlSec
  return least
}

function ofDns(
  name: string,
  type: Field['type'],
  doc: string,
  read: (dns: DnsPayload) => Value | undefined,
  more: Pick<Field, 'isList' | 'isName'> = {},
): Field {
  return {
    name: `dns.${name}`,
    group: 'dns',
    type,
    ...more,
    arg: 'none',
    doc,
    bind: () => ctx => (ctx.payload?.kind === 'dns' ? read(ctx.payload) : undefined),
  }
}

function ofOpening<K extends 'tls' | 'http'>(
  kind: K,
  name: string,
  type: Field['type'],
  doc: string,
  read: (payload: Extract<TlsPayload | HttpPayload, { readonly kind: K }>) => Value | undefined,
  more: Pick<Field, 'isName'> = {},
): Field {
  return {
    name,
    group: kind,
    type,
    ...more,
    arg: 'none',
    doc,
    bind: () => (ctx: EventContext) =>
      ctx.payload?.kind === kind
        ? read(ctx.payload as Extract<TlsPayload | HttpPayload, { readonly kind: K }>)
        : undefined,
  }
}

const ofAnswer = (dns: DnsPayload, value: (dns: DnsPayload) => Value | undefined): Value | undefined =>
  dns.message.isAnswer ? value(dns) : undefined

/** Fields of DNS messages, ClientHellos and HTTP requests. Not in Falco. */
export const dnsFields: readonly Field[] = [
  ofDns(
    'qname',
    'CHARBUF',
    'Name that a DNS query or answer is about, in lower case and without the final dot. The `dns.*` fields have values for the event that sent or received the message, at the client and at the server, where names are observed (`domains.observe`).',
    ({ message }) => message.question?.name,
    { isName: true },
  ),
  ofDns('qtype', 'CHARBUF', 'What is asked of the name: `A`, `AAAA`, `TXT`, `HTTPS`, …', ({ message }) =>
    message.question === undefined ? undefined : typeName(message.question.type),
  ),
  ofDns(
    'is_answer',
    'BOOL',
    'Whether the DNS message is an answer; else it is a query.',
    ({ message }) => message.isAnswer,
  ),
  ofDns('rcode', 'CHARBUF', 'Result of a DNS answer: `NOERROR`, `NXDOMAIN`, `SERVFAIL`, … No value for queries.', dns =>
    ofAnswer(dns, ({ message }) => CODE_NAMES.get(message.rcode) ?? `RCODE${message.rcode}`),
  ),
  ofDns(
    'answers',
    'CHARBUF',
    'What a DNS answer holds, in its order: addresses, the names that aliases lead to, texts; for other records their type. No value for queries and empty answers.',
    dns => (dns.message.answers.length === 0 ? undefined : dns.message.answers.map(answerText)),
    { isList: true, isName: true },
  ),
  ofDns('answers.count', 'UINT32', 'How many records a DNS answer holds. No value for queries.', dns =>
    ofAnswer(dns, ({ message }) => message.answers.length),
  ),
  ofDns('ttl', 'UINT32', 'The smallest time to live among the records of a DNS answer, in seconds.', ({ message }) =>
    smallestTtl(message.answers),
  ),
  ofDns(
    'is_truncated',
    'BOOL',
    'Whether the server left something out of a DNS answer, so that the client asks again over TCP.',
    ({ message }) => message.isTruncated,
  ),
  ofDns('server', 'IPADDR', 'Address of the DNS server.', dns => dns.serverIp),
  ofDns(
    'server.trusted',
    'BOOL',
    'Whether the DNS server is one that is trusted: one of `domains.trusted_resolvers`, or where there are none, one that the `resolv.conf` of the process names. No value at the server, and where it is not known.',
    dns => dns.isTrusted,
  ),
  ofDns('server.port', 'PORT', 'Port of the DNS server.', dns => dns.serverPort),
  ofOpening(
    'tls',
    'tls.sni',
    'CHARBUF',
    'Name of the server that a TLS client asks for in its first message, in lower case and without a final dot; it may be whatever the client likes. The `tls.*` fields have values for the event that completed that message, where names are observed (`domains.observe`).',
    tls => tls.serverName,
    { isName: true },
  ),
  ofOpening(
    'tls',
    'tls.sni.confirmed',
    'BOOL',
    'Whether something else than the client says that the name in `tls.sni` has the address of the server: a DNS answer, a hosts file, a look-up.',
    tls => (tls.serverName === undefined ? undefined : tls.isConfirmed),
  ),
  ofOpening(
    'tls',
    'tls.ech',
    'BOOL',
    'Whether the first message of the TLS client has an encrypted part (ECH), or feigns one: then `tls.sni` may be the name of whoever hosts the server.',
    tls => tls.hasEch,
  ),
  ofOpening(
    'http',
    'http.host',
    'CHARBUF',
    'Host that the first HTTP/1 request of a connection names, in lower case and without a port. Has a value for the event that completed it, where names are observed.',
    http => http.host,
    { isName: true },
  ),
  ofOpening(
    'http',
    'http.host.confirmed',
    'BOOL',
    'Whether something else than the client says that the name in `http.host` has the address of the server. False for requests to a proxy.',
    http => (http.host === undefined ? undefined : http.isConfirmed),
  ),
]
