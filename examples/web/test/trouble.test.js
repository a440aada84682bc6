// The server is away, or says that it was too often.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { skipWithoutBrowser } from '../../../e2e/lib/chromium.js'
import { startApp } from './lib/app.js'
import { newPerson } from './lib/person.js'

describe('in trouble', { skip: skipWithoutBrowser, timeout: 300_000 }, () => {
  let app, ada

  before(async () => {
    app = await startApp({ AUTHGRAPH_RATE_LIMITS: 'on' })
    ada = await newPerson(app)
    await ada.signsUp('ada@example.test')
  })
  after(() => app?.stop())

  /** Lets no request reach the server, until the function that it returns is called. */
  async function cutOff() {
    const endpoint = `${app.server.origin}/graphql`
    await ada.context.route(endpoint, (route) => route.abort())
    return () => ada.context.unroute(endpoint)
  }

  test('a log-out that did not reach the server is told to have failed, and can be tried again', async () => {
    const reconnect = await cutOff()
    await ada.button('Log out').click()
    await ada.isTold('You are still logged in. The server cannot be reached.')
    await reconnect()
    await ada.page.reload()
    await ada.page.getByRole('heading', { name: 'Account' }).waitFor()
  })

  test('an outage sends nobody to the log-in page', async () => {
    const reconnect = await cutOff()
    await ada.page.reload()
    await ada.page.getByRole('heading', { name: 'No connection' }).waitFor()
    await ada.page.getByRole('alert').filter({ hasText: 'The server cannot be reached.' }).waitFor()
    await ada.looks('no-connection')
    await reconnect()
    await ada.button('Try again').click()
    await ada.page.getByRole('heading', { name: 'Account' }).waitFor()
  })

  test('too many attempts are told with how long to wait', async () => {
    await ada.button('Log out').click()
    await ada.arrivesAt('Log in')
    await ada.fills({ 'Email or user name': 'nobody@example.test', Password: 'not this one 47' })
    const alert = ada.page.getByRole('alert').filter({ hasText: /./ })
    let told = ''
    for (let tries = 0; !/^That was too often/.test(told) && tries < 50; tries++) {
      const answered = ada.page.waitForResponse((response) => response.request().postData()?.includes('mutation LogIn'))
      await ada.button('Log in').click()
      await answered
      await alert.waitFor()
      told = await alert.textContent()
    }
    assert.match(told, /^That was too often\. Try again in (1 second|\d+ seconds)\.$/)
  })
})
