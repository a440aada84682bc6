// Calls the API as a program does.
import assert from 'node:assert/strict'

export const password = 'violet harbour lantern 47'

/** Sends an operation and returns the answer, and the response for its headers. */
export async function call(origin, query, headers = {}) {
  const response = await fetch(`${origin}/graphql`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify({ query }),
  })
  return { response, ...(await response.json()) }
}

/** Makes a user and returns its id. */
export async function createUser(origin, email) {
  const { data, errors } = await call(origin, `mutation { createUser(input: {email: "${email}", password: "${password}"}) { user { id } } }`)
  assert.equal(errors, undefined)
  return data.createUser.user.id
}

/** Logs in twice: returns the token of a session as programs get it, and a Cookie header as browsers send it. */
export async function logIn(origin, identifier, secret = password) {
  const query = (fields) => `mutation { login(input: {identifier: "${identifier}", password: "${secret}"}) { ... on LoginSuccess { ${fields} } } }`
  const { data, errors } = await call(origin, query('token'))
  assert.equal(errors, undefined)
  const { response } = await call(origin, query('user { id }'))
  const cookies = response.headers.getSetCookie().map((cookie) => cookie.split(';')[0])
  return { token: data.login.token, cookie: cookies.join('; ') }
}

/** Returns an access token for an audience, for whoever has this session. */
export async function accessToken(origin, session, audience, lifetimeSeconds = 600) {
  const { data, errors } = await call(
    origin,
    `mutation { issueAccessToken(input: {audience: "${audience}", lifetimeSeconds: ${lifetimeSeconds}}) { token } }`,
    { Authorization: `Bearer ${session}` },
  )
  assert.equal(errors, undefined)
  return data.issueAccessToken.token
}
