import { ApolloClient, ApolloLink, CombinedGraphQLErrors, gql, HttpLink, InMemoryCache } from '@apollo/client'
import { SetContextLink } from '@apollo/client/link/context'
import { tryClient } from '../lib/scenario.js'

tryClient('Apollo Client', ({ url, fetch, token, byGet }) => {
  const authorization = new SetContextLink(({ headers }) =>
    token() ? { headers: { ...headers, Authorization: `Bearer ${token()}` } } : {},
  )
  const client = new ApolloClient({
    link: ApolloLink.from([authorization, new HttpLink({ uri: url, fetch, credentials: 'include', useGETForQueries: byGet })]),
    cache: new InMemoryCache(),
  })
  return async (operation, variables) => {
    const document = gql(operation)
    const isMutation = document.definitions[0].operation === 'mutation'
    try {
      const { data } = isMutation
        ? await client.mutate({ mutation: document, variables })
        : await client.query({ query: document, variables, fetchPolicy: 'network-only' })
      return data
    } catch (error) {
      if (!CombinedGraphQLErrors.is(error)) throw error
      const [{ message, extensions }] = error.errors
      throw { message, ...extensions }
    }
  }
})
