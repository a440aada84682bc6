// A program with a session, on the real server: what it sends is seen, and can be held back.
import { createAuth, memoryTokens } from '@authgraph/client'
import { admin } from '../../../../e2e/lib/server.js'

export const operations = {
  logIn: (identifier, password) =>
    `mutation LogIn { login(input: {identifier: "${identifier}", password: "${password}"}) { ... on LoginSuccess { token user { id } } } }`,
  logOut: 'mutation LogOut { logout { loggedOut } }',
  me: 'query Me { me { id email } }',
  reauthenticate: (password) => `mutation Reauthenticate { reauthenticate(input: {password: "${password}"}) { token } }`,
  createApiToken: (name) => `mutation CreateApiToken { createApiToken(input: {name: "${name}"}) { apiToken { id name } } }`,
}

/**
 * Watches what a fetch sends. `sent` lists the operations by name. `hold(name)` holds the answers of
 * one back until `release` is called; `reached` tells when the server has given one.
 */
export function watch(send = fetch) {
  const sent = []
  const held = new Map()
  const watched = async (url, options) => {
    const name = /(?:query|mutation) (\w+)/.exec(options.body ?? '')?.[1]
    sent.push(name)
    // The answer is read here, so that no abort on the way keeps it from coming late.
    const response = await send(url, { ...options, signal: undefined })
    const text = await response.text()
    held.get(name)?.reach()
    await held.get(name)?.released
    return new Response(text, response)
  }
  const hold = (name) => {
    let release, reach
    const reached = new Promise((resolve) => (reach = resolve))
    held.set(name, { reach, released: new Promise((resolve) => (release = resolve)) })
    return {
      reached,
      release() {
        held.delete(name)
        release()
      },
    }
  }
  return { fetch: watched, sent, count: (name) => sent.filter((other) => other === name).length, hold }
}

/** Returns a program that is not signed in: `auth`, what it sends, and how it signs in and out. */
export function program(server, options = {}, send = fetch) {
  const wire = watch(send)
  const auth = createAuth({ endpoint: `${server.origin}/graphql`, fetch: wire.fetch, ...options })
  return {
    auth,
    wire,
    logIn: ({ email, password } = admin) =>
      auth.signIn(async () => (await auth.request(operations.logIn(email, password))).login),
    logOut: () => auth.signOut(() => auth.request(operations.logOut)),
    reauthenticate: (password = admin.password) =>
      auth.stepUp(async () => (await auth.request(operations.reauthenticate(password))).reauthenticate),
    me: async () => (await auth.request(operations.me)).me,
  }
}

/** Returns a program that keeps its session's token in memory. */
export function bearerProgram(server, options = {}, send = fetch) {
  const tokens = memoryTokens()
  return { tokens, ...program(server, { tokens, ...options }, send) }
}

/** Waits for a state of a session. */
export function becomes(auth, status) {
  return new Promise((resolve) => {
    const look = () => {
      if (auth.state.status !== status) return
      stop()
      resolve(auth.state)
    }
    const stop = auth.subscribe(look)
    look()
  })
}
