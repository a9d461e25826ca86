import { createCaresResolver, createSystemResolver, type Resolver } from '../domains/resolver.ts'
import type { DomainsConfig } from './config-domains.ts'

/** The resolver that the configuration asks for. */
export function makeResolver({ resolver, servers }: DomainsConfig): Resolver {
  if (resolver === 'system') return createSystemResolver()
  return createCaresResolver(servers.length === 0 ? {} : { servers })
}
