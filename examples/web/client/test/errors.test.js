// What is read out of the errors of GraphQL clients.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Client, fetchExchange } from '@urql/core'
import { createAuth, errorCodes, isRefusedWith, RefusedError, refusalsOf } from '@authgraph/client'
import { startServer } from '../../../../e2e/lib/server.js'

describe('the error helper', { timeout: 60_000 }, () => {
  let server, endpoint, answer
  const signUp = 'mutation { createUser(input: {email: "not an address", password: "violet harbour lantern 47"}) { user { id } } }'

  before(async () => {
    server = await startServer()
    endpoint = `${server.origin}/graphql`
    const response = await fetch(endpoint, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ query: signUp }),
    })
    answer = await response.json()
  })
  after(() => server?.stop())

  test('knows every code of the server, and no other', async () => {
    const { status } = await createAuth({ endpoint, shared: false }).request('{ status { errorCodes } }')
    assert.deepEqual([...errorCodes].sort(), status.errorCodes.toSorted())
  })

  test('reads code, field, message, request and path of an answer', () => {
    const [refusal, ...more] = refusalsOf(answer)
    assert.deepEqual(more, [])
    const { message, requestId, ...rest } = refusal
    assert.deepEqual(rest, { code: 'BAD_USER_INPUT', field: 'email', path: ['createUser'] })
    assert.match(message, /^email /)
    assert.ok(requestId.length > 0)
  })

  test('reads the same of what clients give for an error', async () => {
    const refusals = refusalsOf(answer)
    const { error } = await new Client({ url: endpoint, exchanges: [fetchExchange], preferGetMethod: false }).mutation(signUp, {}).toPromise()
    assert.deepEqual(codesAndFields(error), codesAndFields(answer), 'urql')
    assert.deepEqual(refusalsOf({ errors: answer.errors }), refusals, 'Apollo Client 4')
    assert.deepEqual(refusalsOf({ graphQLErrors: answer.errors }), refusals, 'Apollo Client 3')
    assert.deepEqual(refusalsOf({ response: { errors: answer.errors } }), refusals, 'graphql-request')
    assert.deepEqual(refusalsOf(answer.errors), refusals, 'graphql-ws')
    assert.deepEqual(refusalsOf(new RefusedError(refusals)), refusals, 'Auth.request')
    assert.ok(isRefusedWith(error, 'ALREADY_EXISTS', 'BAD_USER_INPUT'))
    assert.ok(!isRefusedWith(error, 'ALREADY_EXISTS'))
  })

  test('tells when to try again', async () => {
    let refused
    for (let tries = 0; !isRefusedWith(refused, 'RATE_LIMITED') && tries < 50; tries++) {
      const auth = createAuth({ endpoint, shared: false })
      refused = await auth.request('mutation { login(input: {identifier: "nobody@example.test", password: "wrong"}) { __typename } }').catch((error) => error)
    }
    assert.ok(refusalsOf(refused)[0].retryAfter > 0, String(refused))
  })

  test('finds no refusal where the server gave none', async () => {
    const unreachable = await fetch('http://localhost:1/graphql').catch((error) => error)
    for (const value of [unreachable, new Error('x'), { data: { me: null } }, undefined, null, 'text', []]) {
      assert.deepEqual(refusalsOf(value), [])
    }
  })
})

function codesAndFields(value) {
  return refusalsOf(value).map(({ code, field }) => ({ code, field }))
}
