// Automatic persisted queries: clients send hashes, and a document once, by themselves.
import { ApolloClient, ApolloLink, gql, HttpLink, InMemoryCache } from '@apollo/client'
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries'
import { Client, fetchExchange } from '@urql/core'
import { persistedExchange } from '@urql/exchange-persisted'
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { sha256, watch } from './requests.js'
import { startServer } from '../lib/server.js'

const clients = {
  'Apollo Client': ({ url, fetch, byGet }) => {
    const client = new ApolloClient({
      link: ApolloLink.from([new PersistedQueryLink({ sha256, useGETForHashedQueries: byGet }), new HttpLink({ uri: url, fetch })]),
      cache: new InMemoryCache(),
    })
    return async (query, variables) => (await client.query({ query: gql(query), variables, fetchPolicy: 'network-only' })).data
  },
  urql: ({ url, fetch, byGet }) => {
    const client = new Client({ url, fetch, exchanges: [persistedExchange({ preferGetForPersistedQueries: byGet }), fetchExchange] })
    return async (query, variables) => {
      const { data, error } = await client.query(query, variables).toPromise()
      if (error) throw error
      return data
    }
  },
}

for (const [byGet, settings] of [
  [false, {}],
  [true, { AUTHGRAPH_GET_QUERIES: 'on' }],
]) {
  for (const [name, connect] of Object.entries(clients)) {
    describe(`automatic persisted queries by ${name}, ${byGet ? 'GET' : 'POST'}`, { timeout: 60_000 }, () => {
      let server

      before(async () => {
        server = await startServer(settings)
      })
      after(() => server?.stop())

      test('the document is sent once, by whoever comes first', async () => {
        const requests = []
        const options = { url: `${server.origin}/graphql`, fetch: watch(requests), byGet }
        const query = 'query Status($more: Boolean = false) { status { signupOpen errorCodes @include(if: $more) } }'

        const first = connect(options)
        assert.equal((await first(query, {})).status.signupOpen, true)
        assert.deepEqual(requests.map(({ query }) => query !== undefined), [false, true], 'the hash alone, then with the document')

        for (const run of [first, connect(options)]) {
          requests.length = 0
          assert.ok((await run(query, { more: true })).status.errorCodes.includes('PERSISTED_QUERY_NOT_FOUND'))
          assert.deepEqual(
            requests.map(({ method, query }) => ({ method, query })),
            [{ method: byGet ? 'GET' : 'POST', query: undefined }],
          )
        }
      })
    })
  }
}
