import { ClientError, GraphQLClient } from 'graphql-request'
import { tryClient } from '../lib/scenario.js'

tryClient('graphql-request', ({ url, fetch, token, byGet }) => {
  const client = (method) =>
    new GraphQLClient(url, {
      fetch,
      method,
      credentials: 'include',
      headers: () => (token() ? { Authorization: `Bearer ${token()}` } : {}),
    })
  const [queries, mutations] = [client(byGet ? 'GET' : 'POST'), client('POST')]
  return async (operation, variables) => {
    try {
      return await (operation.startsWith('mutation') ? mutations : queries).request(operation, variables)
    } catch (error) {
      if (!(error instanceof ClientError)) throw error
      const [{ message, extensions }] = error.response.errors
      throw { message, ...extensions }
    }
  }
})
