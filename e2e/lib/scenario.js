// What every client is put through: sign-up, log-in, who am I, refusals by their code, log-out; once
// with the cookie of a page and once with a bearer token.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { password } from './api.js'
import { pageFetch } from './cookies.js'
import { startServer } from './server.js'

export const operations = {
  signUp: `mutation SignUp($input: CreateUserInput!) { createUser(input: $input) { user { id email } } }`,
  logIn: `mutation LogIn($input: LoginInput!) { login(input: $input) { __typename ... on LoginSuccess { user { id email } } } }`,
  logInForToken: `mutation LogInForToken($input: LoginInput!) { login(input: $input) { __typename ... on LoginSuccess { token user { id email } } } }`,
  me: `query Me { me { id email } }`,
  logOut: `mutation LogOut { logout { loggedOut } }`,
}

/**
 * Puts a client through it.
 *
 * @param {string} name
 * @param {(options: {url: string, fetch: typeof fetch, token: () => string | undefined, byGet: boolean}) =>
 *   (operation: string, variables?: object) => Promise<object>} connect returns what runs an operation:
 *   it returns the data, or throws the first error of the answer, as {code, field, message}
 */
export function tryClient(name, connect) {
  for (const [title, settings, byGet] of [
    [name, {}, false],
    [`${name}, with queries by GET`, { AUTHGRAPH_GET_QUERIES: 'on' }, true],
  ]) {
    describe(title, { timeout: 60_000 }, () => {
      let server

      before(async () => {
        server = await startServer(settings)
      })
      after(() => server?.stop())

      for (const way of ['a cookie', 'a bearer token']) {
        test(`signs up, logs in with ${way}, and out again`, async () => {
          const email = `${way.replaceAll(' ', '-')}@example.test`
          const methods = []
          const watch = (send) => (url, options) => {
            methods.push(options?.method ?? url.method ?? 'GET')
            return send(url, options)
          }
          const page = pageFetch(server.origin)
          let token
          const run = connect({
            url: `${server.origin}/graphql`,
            fetch: watch(way === 'a cookie' ? page : fetch),
            token: () => token,
            byGet,
          })
          const refused = (promise) => promise.then(() => assert.fail('nothing was refused'), ({ code, field }) => ({ code, field }))

          const { createUser } = await run(operations.signUp, { input: { email, password } })
          assert.equal(createUser.user.email, email)
          assert.deepEqual(await refused(run(operations.signUp, { input: { email, password } })), { code: 'ALREADY_EXISTS', field: 'email' })
          assert.deepEqual(await refused(run(operations.me)), { code: 'UNAUTHENTICATED', field: undefined })
          assert.deepEqual(
            await refused(run(operations.logIn, { input: { identifier: email, password: 'not this one 47' } })),
            { code: 'INVALID_CREDENTIALS', field: undefined },
          )
          assert.equal(page.jar.size, 0)

          const operation = way === 'a cookie' ? operations.logIn : operations.logInForToken
          const { login } = await run(operation, { input: { identifier: email, password } })
          assert.equal(login.__typename, 'LoginSuccess')
          token = login.token
          assert.equal(page.jar.has('authgraph_session'), way === 'a cookie')

          methods.length = 0
          const { me } = await run(operations.me)
          assert.deepEqual({ ...me, __typename: undefined }, { ...createUser.user, __typename: undefined })
          assert.deepEqual(methods, [byGet ? 'GET' : 'POST'])

          const { logout } = await run(operations.logOut)
          assert.equal(logout.loggedOut, true)
          assert.equal(page.jar.has('authgraph_session'), false)
          assert.deepEqual(await refused(run(operations.me)), { code: 'UNAUTHENTICATED', field: undefined })
        })
      }
    })
  }
}
