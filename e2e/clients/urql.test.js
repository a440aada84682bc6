import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Client, fetchExchange } from '@urql/core'
import { tryClient } from '../lib/scenario.js'
import { startServer } from '../lib/server.js'

tryClient('urql', ({ url, fetch, token, byGet }) => {
  const client = new Client({
    url,
    fetch,
    fetchOptions: () => ({ credentials: 'include', headers: token() ? { Authorization: `Bearer ${token()}` } : {} }),
    exchanges: [fetchExchange],
    // Left out, urql sends short queries by GET.
    ...(byGet ? {} : { preferGetMethod: false }),
  })
  return async (operation, variables = {}) => {
    const isMutation = operation.startsWith('mutation')
    const { data, error } = await (isMutation ? client.mutation(operation, variables) : client.query(operation, variables)).toPromise()
    if (!error) return data
    if (error.networkError) throw error.networkError
    const [{ message, extensions }] = error.graphQLErrors
    throw { message, ...extensions }
  }
})

describe('urql, left to its defaults', { timeout: 60_000 }, () => {
  let server

  before(async () => {
    server = await startServer()
  })
  after(() => server?.stop())

  test('is told why its queries are refused', async () => {
    const client = new Client({ url: `${server.origin}/graphql`, exchanges: [fetchExchange] })
    const { error } = await client.query('{ status { signupOpen } }', {}).toPromise()
    assert.match(error.message, /queries by GET are off/)
  })
})
