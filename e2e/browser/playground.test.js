// A person tries the API in the playground of a new server, from the first tab to the last.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { launchBrowser, skipWithoutBrowser, watchForFaults } from '../lib/browser.js'
import { exampleOperation, Playground } from '../lib/playground.js'
import { admin, startServer } from '../lib/server.js'

describe('the playground', { skip: skipWithoutBrowser, timeout: 120_000 }, () => {
  let server, browser, context, page, playground, faults, created

  before(async () => {
    server = await startServer()
    browser = await launchBrowser()
    // So large that no answer needs scrolling: Monaco draws only what is in view.
    context = await browser.newContext({ viewport: { width: 1600, height: 1400 } })
    page = await context.newPage()
    faults = await watchForFaults(page, server.origin)
    playground = new Playground(page)
  })

  after(async () => {
    await browser?.close()
    await server?.stop()
  })

  test('opens on the examples in the order in which to run them', async () => {
    await playground.open(server.origin)
    assert.equal(await page.title(), 'authgraph playground')
    assert.deepEqual(await playground.tabs.allTextContents(), ['CreateUser', 'LogIn', 'Me', 'Users', 'LogOut'])
  })

  test('CreateUser makes a user and does not sign in', async () => {
    const { data, errors } = await playground.run()
    assert.equal(errors, undefined)
    created = data.createUser.user
    assert.match(created.id, /^usr_/)
    assert.deepEqual(await context.cookies(), [])
  })

  test('LogIn signs that user in, with a cookie that no script can read', async () => {
    const { data, errors } = await playground.runTab('LogIn')
    assert.equal(errors, undefined)
    assert.deepEqual(data.login.user, { id: created.id, email: created.email })
    const cookies = await context.cookies()
    assert.deepEqual(cookies.map((cookie) => cookie.name).sort(), ['authgraph_session', 'authgraph_session_device'])
    assert.ok(cookies.every((cookie) => cookie.httpOnly))
    assert.equal(await page.evaluate(() => document.cookie), '')
  })

  test('Me shows the same user', async () => {
    const { data, errors } = await playground.runTab('Me')
    assert.equal(errors, undefined)
    assert.equal(data.me.id, created.id)
    assert.match(data.session.id, /^ses_/)
  })

  test('Users is forbidden to a plain user', async () => {
    assert.deepEqual(errorCodes(await playground.runTab('Users')), ['FORBIDDEN'])
  })

  test('LogOut ends the session and clears the cookie', async () => {
    assert.deepEqual(await playground.runTab('LogOut'), { data: { logout: { loggedOut: true } } })
    const left = (await context.cookies()).map((cookie) => cookie.name)
    assert.deepEqual(left, ['authgraph_session_device'])
  })

  test('Me is unauthenticated after that', async () => {
    const answer = await playground.runTab('Me')
    assert.deepEqual(errorCodes(answer), ['UNAUTHENTICATED'])
    assert.equal(answer.data.session, null)
  })

  test('LogIn, edited to be the administrator, lets Users list both users', async () => {
    const example = await exampleOperation('2-log-in')
    await playground.openTab('LogIn')
    await playground.paste(
      example
        .replace(/identifier: ".*"/, `identifier: "${admin.email}"`)
        .replace(/password: ".*"/, `password: "${admin.password}"`),
    )
    const login = await playground.run()
    assert.equal(login.data.login.user.email, admin.email)

    const { data, errors } = await playground.runTab('Users')
    assert.equal(errors, undefined)
    assert.equal(data.users.totalCount, 2)
    assert.deepEqual(data.users.nodes.map((user) => user.email).sort(), [created.email, admin.email].sort())
  })

  test('the editor completes from the schema and formats', async () => {
    await page.getByRole('button', { name: 'New tab' }).click()
    await playground.paste('query { sess')
    await playground.waitForCompletion('session')
    await page.keyboard.press('Escape')

    await playground.paste('query Mine{session{id}}')
    await page.getByRole('button', { name: /^Prettify query/ }).click()
    await page.waitForFunction(() => document.querySelectorAll('.graphiql-query-editor .view-line').length >= 5)
  })

  test('nothing typed here outlives the browser tab', async () => {
    assert.equal(await page.evaluate(() => localStorage.length), 0)
  })

  test('all that caused no error, broke no policy and reached no other server', () => {
    assert.deepEqual(faults, [])
  })
})

/** Returns the codes of an answer's errors. */
function errorCodes({ errors = [] }) {
  return errors.map((error) => error.extensions.code)
}
