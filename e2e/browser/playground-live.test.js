// A person listens to live events in the playground, and sees why it ends.
import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { call, createUser, logIn, password } from '../lib/api.js'
import { launchBrowser, skipWithoutBrowser, watchForFaults } from '../lib/browser.js'
import { rename } from '../lib/live.js'
import { Playground } from '../lib/playground.js'
import { startServer } from '../lib/server.js'

const patience = 20_000 // ms

describe('the playground, listening', { skip: skipWithoutBrowser, timeout: 120_000 }, () => {
  let server, origin, browser, context, page, playground, faults, elsewhere

  before(async () => {
    server = await startServer()
    origin = server.origin
    await createUser(origin, 'ada@example.test')
    elsewhere = await logIn(origin, 'ada@example.test')
    browser = await launchBrowser()
  })

  after(async () => {
    await browser?.close()
    await server?.stop()
  })

  beforeEach(async () => {
    await context?.close()
    context = await browser.newContext({ viewport: { width: 1600, height: 1400 } })
    page = await context.newPage()
    faults = await watchForFaults(page, origin)
    playground = new Playground(page)
    await playground.open(origin)
  })

  /** Signs Ada in, by the page's cookie, and returns the id of the session. */
  async function signIn() {
    await playground.paste(
      `mutation { login(input: {identifier: "ada@example.test", password: "${password}"}) { ... on LoginSuccess { session { id } } } }`,
    )
    const { data } = await playground.run()
    return data.login.session.id
  }

  /** Waits until the server has ended the operation of that name, and counts no connection for it. */
  async function untilEnded(name) {
    const line = `"kind":"subscription","name":"${name}"`
    for (const deadline = Date.now() + patience; !server.output().includes(line); await sleep(20)) {
      assert.ok(Date.now() < deadline, `${name} has not ended:\n${server.output()}`)
    }
  }

  const event = (kind, current) => ({ data: { authEvents: { kind, current } } })

  test('shows each event when it happens, until it is stopped, which ends it on the server', async () => {
    await signIn()
    await playground.listen('subscription Stopped { authEvents { kind current } }')
    await logIn(origin, 'ada@example.test')
    await playground.waitFor(event('SIGNED_IN', false))
    await rename(origin, elsewhere.token, 'Ada')
    await playground.waitFor(event('PROFILE_CHANGED', false))
    assert.ok(!server.output().includes('"name":"Stopped"'), 'it has ended by itself')

    await playground.stopButton.click()
    await playground.runButton.waitFor()
    await untilEnded('Stopped')
    await playground.waitFor(event('PROFILE_CHANGED', false))
    assert.deepEqual(faults, [])
  })

  test('stops before anything has happened, and when the person goes to another tab or a new one', async () => {
    await signIn()
    await playground.listen('subscription Silent { authEvents { kind } }')
    await playground.stopButton.click()
    await playground.runButton.waitFor()
    await untilEnded('Silent')

    await playground.listen('subscription Left { authEvents { kind } }')
    await playground.openTab('Me')
    await playground.runButton.waitFor()
    await untilEnded('Left')

    await playground.listen('subscription LeftForNew { authEvents { kind } }')
    await page.getByRole('button', { name: 'New tab' }).click()
    await playground.runButton.waitFor()
    await untilEnded('LeftForNew')
    assert.deepEqual(faults, [])
  })

  test('tells a stranger to sign in, in the words of the server', async () => {
    const response = await playground.listen('subscription { authEvents { kind current } }')
    await playground.waitFor(await refusal(response, 'Sign in first.', atTheField))
    await playground.runButton.waitFor()
    assert.deepEqual(faults, [])
  })

  test('says why it ends when the session was ended elsewhere', async () => {
    const session = await signIn()
    const response = await playground.listen('subscription { authEvents { kind current } }')
    const { errors } = await call(origin, `mutation { revokeSession(input: {id: "${session}"}) { session { id } } }`, {
      Authorization: `Bearer ${elsewhere.token}`,
    })
    assert.equal(errors, undefined)
    await playground.waitFor(await refusal(response, signInAgain))
    await playground.runButton.waitFor()
    assert.deepEqual(faults, [])
  })

  test('sends the headers of the headers tab', async () => {
    await createUser(origin, 'grace@example.test')
    const grace = await logIn(origin, 'grace@example.test')
    await signIn()
    await playground.pasteHeaders({ Authorization: `Bearer ${grace.token}` })
    await playground.listen('subscription { authEvents { user { email } } }')
    await rename(origin, grace.token, 'Grace')
    await playground.waitFor({ data: { authEvents: { user: { email: 'grace@example.test' } } } })
    await playground.stopButton.click()

    await playground.pasteHeaders({ Authorization: `Bearer ${grace.token}x` })
    const response = await playground.listen('subscription { authEvents { kind } }')
    await playground.waitFor(await refusal(response, signInAgain, atTheField))
    await playground.runButton.waitFor()
    assert.deepEqual(faults, [])
  })

  test('shows why the server does not execute a subscription', async () => {
    const response = await playground.listen('subscription { authEvents(all: "no") { kind } }')
    assert.equal(await response.request().headerValue('accept'), 'text/event-stream')
    assert.equal(response.status(), 400)
    const answer = await response.json()
    assert.equal(answer.errors[0].extensions.code, 'GRAPHQL_VALIDATION_FAILED')
    await playground.waitFor(answer)
    await playground.runButton.waitFor()
  })

  test('listens where the operation that is run is a subscription, and nowhere else', async () => {
    await signIn()
    await playground.paste(`
      # subscription Mine
      query Mine { subscription: me { email } }
      subscription Chosen { authEvents { kind current } }`)
    const choose = async (name) => {
      await page.locator('.graphiql-execute-button[aria-haspopup=menu]').click()
      const answered = page.waitForResponse((response) => new URL(response.url()).pathname === '/graphql')
      await page.getByRole('menuitem', { name }).click()
      return answered
    }
    const { data } = await (await choose('Mine')).json()
    assert.deepEqual(data, { subscription: { email: 'ada@example.test' } })
    await playground.waitFor({ data })

    await choose('Chosen')
    await rename(origin, elsewhere.token, 'Ada, chosen')
    await playground.waitFor(event('PROFILE_CHANGED', false))
    assert.deepEqual(faults, [])
  })

  // What follows no event, and what follows one at once, are different to who reads the stream.
  for (const [what, body] of [
    ['at the beginning', ''],
    ['right after an event', `event: next\ndata: ${JSON.stringify(event('SIGNED_IN', false))}\n\n`],
  ]) {
    test(`says so when something cuts the stream off ${what}`, async () => {
      await page.route('**/graphql', (route) => route.fulfill({ contentType: 'text/event-stream', body }))
      await playground.listen('subscription { authEvents { kind current } }')
      await playground.waitFor(brokenOff)
      await playground.runButton.waitFor()
      assert.deepEqual(faults, [])
    })
  }

  test('says so when the server stops, and then that there is none', async () => {
    await signIn()
    await playground.listen('subscription { authEvents { kind current } }')
    await rename(origin, elsewhere.token, 'Ada, the last')
    await playground.waitFor(event('PROFILE_CHANGED', false))
    await server.stop()
    server = undefined
    await playground.waitFor(brokenOff)
    assert.deepEqual(faults, [])

    await playground.runButton.click()
    await playground.waitFor({ errors: [{ message: 'No answer came: Failed to fetch' }] })
    await playground.runButton.waitFor()
  })
})

const brokenOff = {
  errors: [
    {
      message:
        'The stream broke off: the server stopped, events came faster than they were read, or the network failed. Run the subscription again.',
    },
  ],
}

/** Returns the answer that refuses a stranger, or a session that has ended, in the words of the server. */
async function refusal(response, message, place = {}) {
  const requestId = await response.headerValue('X-Request-Id')
  return { errors: [{ message, ...place, extensions: { code: 'UNAUTHENTICATED', requestId } }] }
}

const atTheField = { path: ['authEvents'], locations: [{ line: 1, column: 16 }] }
const signInAgain = 'The session has ended, or there never was one. Sign in again.'
