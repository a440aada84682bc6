import { initGraphQLTada } from 'gql.tada'
import type { introspection } from './schema-env.d.ts'

export const graphql = initGraphQLTada<{
  introspection: introspection
  scalars: { DateTime: string }
}>()

export type ErrorCode = ReturnType<typeof graphql.scalar<'ErrorCode'>>
