// The GraphQL client. Each session gets one of its own, so that nothing of one person's stays in
// the cache for the next.
import { cacheExchange, type Cache } from '@urql/exchange-graphcache'
import { createClient as createSocket } from 'graphql-ws'
import { type AnyVariables, Client, fetchExchange, subscriptionExchange, type TypedDocumentNode, useClient } from 'urql'
import { auth, endpoint } from './auth'
import type { AuthEventsSubscription } from './gql/graphql'

export interface Api {
  client: Client
  close(): void
}

export function createApi(): Api {
  const socket = createSocket({
    url: endpoint.replace(/^http/, 'ws'), // the browser sends the cookie along
    retryAttempts: Infinity, // but for the close codes that are final, such as 4401
    on: {
      closed: (event) => {
        if ((event as CloseEvent).code === 4401) auth.check().catch(() => {}) // the session has ended
      },
    },
  })
  const client = new Client({
    url: endpoint,
    fetch: auth.fetch,
    preferGetMethod: false,
    exchanges: [
      cache(),
      fetchExchange,
      subscriptionExchange({
        forwardSubscription: ({ query, variables }) => ({
          subscribe: (sink) => ({ unsubscribe: socket.subscribe({ query: query ?? '', variables }, sink as never) }),
        }),
      }),
    ],
  })
  return { client, close: () => void socket.dispose() }
}

/** The cache knows objects by their id. What is added to a list or goes from it, it has to be told. */
function cache() {
  const mine = (field: string) => (_result: unknown, _args: unknown, cache: Cache) => {
    const me = cache.resolve('Query', 'me')
    if (typeof me === 'string') cache.invalidate(me, field)
  }
  return cacheExchange({
    keys: { AuthEvent: () => null, Device: () => null, Status: () => null, UserConnection: () => null },
    updates: {
      Mutation: {
        createApiToken: mine('apiTokens'),
        revokeApiToken: mine('apiTokens'),
        revokeSession: mine('sessions'),
        revokeOtherSessions: mine('sessions'),
        changePassword: (result, args, cache) => {
          mine('sessions')(result, args, cache)
          mine('apiTokens')(result, args, cache)
        },
      },
      Subscription: {
        authEvents: ({ authEvents: event }: AuthEventsSubscription, _args, cache) => {
          if (event) cache.invalidate({ __typename: 'User', id: event.userId }, 'sessions')
        },
      },
    },
  })
}

/** Returns a function that runs a mutation: it returns the data, or throws what urql gives for an error. */
export function useRun() {
  const client = useClient()
  return async <Data, Variables extends AnyVariables>(document: TypedDocumentNode<Data, Variables>, variables: Variables): Promise<Data> => {
    const { data, error } = await client.mutation(document, variables).toPromise()
    if (error) throw error
    return data!
  }
}
