/**
 * Ports by service name, for `fd.sport = https`. Falco asks the machine's services file, so that a rule may load on one machine and not
 * on another; here the names are fixed. Numbers are those registered with IANA, names and aliases the usual ones.
 */
const TABLE = `
  tcpmux 1, echo 7, discard 9, systat 11, daytime 13, netstat 15, qotd 17, chargen 19, ftp-data 20, ftp 21, ssh 22, telnet 23, smtp 25,
  mail 25, time 37, whois 43, nicname 43, tacacs 49, domain 53, bootps 67, bootpc 68, tftp 69, gopher 70, finger 79, http 80, www 80,
  kerberos 88, kerberos5 88, krb5 88, kerberos-sec 88, iso-tsap 102, tsap 102, acr-nema 104, dicom 104, pop3 110, pop-3 110, sunrpc 111,
  portmapper 111, auth 113, ident 113, nntp 119, ntp 123, epmap 135, loc-srv 135, netbios-ns 137, netbios-dgm 138, netbios-ssn 139,
  imap2 143, imap 143, snmp 161, snmp-trap 162, snmptrap 162, xdmcp 177, bgp 179, irc 194, smux 199, ldap 389, svrloc 427, https 443,
  snpp 444, microsoft-ds 445, kpasswd 464, submissions 465, ssmtp 465, smtps 465, urd 465, isakmp 500, exec 512, biff 512, login 513,
  who 513, shell 514, cmd 514, syslog 514, printer 515, spooler 515, talk 517, ntalk 518, route 520, router 520, uucp 540, klogin 543,
  kshell 544, dhcpv6-client 546, dhcpv6-server 547, afpovertcp 548, rtsp 554, nntps 563, snntp 563, submission 587, asf-rmcp 623,
  ipp 631, ldaps 636, tinc 655, silc 706, kerberos-adm 749, domain-s 853, rsync 873, ftps-data 989, ftps 990, telnets 992, imaps 993,
  pop3s 995, socks 1080, rmiregistry 1099, openvpn 1194, ms-sql-s 1433, ms-sql-m 1434, ingreslock 1524, radius 1812, radius-acct 1813,
  cisco-sccp 2000, nfs 2049, zephyr-srv 2102, cvspserver 2401, dict 2628, gpsd 2947, icpv2 3130, iscsi-target 3260, mysql 3306,
  ms-wbt-server 3389, nut 3493, distcc 3632, daap 3689, svn 3690, subversion 3690, sieve 4190, epmd 4369, ntske 4460, ipsec-nat-t 4500,
  fax 4557, iax 4569, munin 4949, sip 5060, sip-tls 5061, xmpp-client 5222, xmpp-server 5269, cfengine 5308, mdns 5353, postgresql 5432,
  postgres 5432, nrpe 5666, nsca 5667, amqps 5671, amqp 5672, x11 6000, x11-0 6000, x11-1 6001, redis 6379, mysql-proxy 6446,
  syslog-tls 6514, sane-port 6566, ircd 6667, ircs-u 6697, afs3-fileserver 7000, font-service 7100, http-alt 8080, webcache 8080,
  tproxy 8081, puppet 8140, bacula-dir 9101, bacula-fd 9102, bacula-sd 9103, git 9418, webmin 10000, zabbix-agent 10050,
  zabbix-trapper 10051, amanda 10080, nbd 10809, hkp 11371
`

const PORTS: ReadonlyMap<string, number> = new Map(
  TABLE.split(',').map(entry => {
    const [name, port] = entry.trim().split(' ')
    return [name!, Number(port)]
  }),
)

/** The port of a service, whatever its protocol; undefined for unknown names. Case counts. */
export function servicePort(name: string): number | undefined {
  return PORTS.get(name)
}

/** All names, for «did you mean». */
export function serviceNames(): Iterable<string> {
  return PORTS.keys()
}
