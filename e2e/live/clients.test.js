// Live events by Apollo Client and urql, over the socket of graphql-ws, as docs/live.md has it.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { ApolloClient, ApolloLink, gql, HttpLink, InMemoryCache } from '@apollo/client'
import { GraphQLWsLink } from '@apollo/client/link/subscriptions'
import { getMainDefinition } from '@apollo/client/utilities'
import { Client, fetchExchange, subscriptionExchange } from '@urql/core'
import { createUser, logIn } from '../lib/api.js'
import { authEvents, collect, socketClient, untilListening } from '../lib/live.js'
import { startServer } from '../lib/server.js'

describe('live events', { timeout: 60_000 }, () => {
  let server, origin

  before(async () => {
    server = await startServer()
    origin = server.origin
  })
  after(() => server?.stop())

  async function signIn(email) {
    await createUser(origin, email)
    const { token } = await logIn(origin, email)
    return { token, socket: socketClient(origin, {}, { connectionParams: { Authorization: `Bearer ${token}` } }) }
  }

  test('come to Apollo Client', async () => {
    const { token, socket } = await signIn('apollo@example.test')
    const isSubscription = ({ query }) => getMainDefinition(query).operation === 'subscription'
    const http = new HttpLink({ uri: `${origin}/graphql`, headers: { Authorization: `Bearer ${token}` } })
    const client = new ApolloClient({ cache: new InMemoryCache(), link: ApolloLink.split(isSubscription, new GraphQLWsLink(socket), http) })
    const listener = collect((sink) => {
      const subscription = client.subscribe({ query: gql(authEvents) }).subscribe(sink)
      return () => subscription.unsubscribe()
    })
    await untilListening(origin, token, listener)
    assert.equal((await client.query({ query: gql('{ me { firstName } }') })).data.me.firstName, 'Ada, the last')
    listener.stop()
    await socket.dispose()
  })

  test('come to urql', async () => {
    const { token, socket } = await signIn('urql@example.test')
    const client = new Client({
      url: `${origin}/graphql`,
      preferGetMethod: false,
      fetchOptions: { headers: { Authorization: `Bearer ${token}` } },
      exchanges: [
        fetchExchange,
        subscriptionExchange({
          forwardSubscription: ({ query, variables }) => ({
            subscribe: (sink) => ({ unsubscribe: socket.subscribe({ query, variables }, sink) }),
          }),
        }),
      ],
    })
    const listener = collect((sink) => client.subscription(authEvents, {}).subscribe(({ data }) => sink.next({ data })).unsubscribe)
    await untilListening(origin, token, listener)
    assert.equal((await client.query('{ me { firstName } }', {}).toPromise()).data.me.firstName, 'Ada, the last')
    listener.stop()
    await socket.dispose()
  })
})
