// Several browsers and tabs of one person: each learns at once what another does.
import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import { skipWithoutBrowser } from '../../../e2e/lib/chromium.js'
import { startApp } from './lib/app.js'
import { newPerson, newTab, password } from './lib/person.js'

describe('sessions', { skip: skipWithoutBrowser, timeout: 300_000 }, () => {
  let app, laptop, people
  let count = 0

  before(async () => {
    app = await startApp()
  })
  after(() => app?.stop())

  beforeEach(async () => {
    laptop = await newPerson(app)
    people = [laptop]
    laptop.email = `ada${++count}@example.test`
    await laptop.signsUp(laptop.email)
  })
  afterEach(async () => {
    for (const { faults, context } of people) {
      assert.deepEqual(faults, [])
      await context.close()
    }
  })

  /** Logs in on a telephone. */
  async function onPhone() {
    const phone = await newPerson(app, {
      viewport: { width: 390, height: 844 },
      userAgent: 'Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36',
    })
    people.push(phone)
    await phone.logsIn(laptop.email)
    return phone
  }

  /** One more tab on the laptop. */
  async function inAnotherTab() {
    const tab = await newTab(app, laptop.context)
    assert.equal(await tab.page.locator('h1').textContent(), 'Account')
    return tab
  }

  const sessions = (person) => person.page.getByRole('listitem')

  test('that begin elsewhere are told of, and listed at once', async () => {
    await laptop.goesTo('Sessions')
    await laptop.looks('sessions-one')
    assert.equal(await sessions(laptop).count(), 1)
    await onPhone()
    await laptop.isTold(/^Someone logged in to your account on another device/)
    await sessions(laptop).nth(1).waitFor()
    await sessions(laptop).filter({ hasText: /Chrome .*on Android/ }).waitFor()
    await laptop.looks('sessions')
  })

  test('on other devices are logged out of, and those leave at once', async () => {
    const phone = await onPhone()
    await phone.goesTo('API tokens')
    await laptop.goesTo('Sessions')
    await sessions(laptop).nth(1).waitFor()
    await laptop.button('Log out all other devices').click()
    await phone.arrivesAt('Log in') // by itself
    await phone.page.getByText('Your session has ended.').waitFor()
    await phone.looks('log-in-ended')
    await laptop.isTold('One other device was logged out.')
    await sessions(laptop).nth(1).waitFor({ state: 'detached' })
    assert.match(await sessions(laptop).textContent(), /This device/)

    // Whoever logs in there is then where they were.
    await phone.fills({ 'Email or user name': laptop.email, Password: password })
    await phone.button('Log in').click()
    await phone.arrivesAt('API tokens')
  })

  test('can be ended one by one', async () => {
    const phone = await onPhone()
    await phone.goesTo('Sessions')
    await sessions(phone).filter({ hasText: 'Linux' }).filter({ hasNotText: 'This device' }).getByRole('button').click()
    await laptop.arrivesAt('Log in')
    await sessions(phone).nth(1).waitFor({ state: 'detached' })
    await phone.button('Log out this device').click()
    await phone.arrivesAt('Log in')
  })

  test('end in every tab at once, and begin in every tab', async () => {
    const tab = await inAnotherTab()
    people.push(tab)
    await laptop.button('Log out').click()
    await tab.arrivesAt('Log in')
    await tab.page.getByText('You logged out in another tab.').waitFor()

    await laptop.logsIn(laptop.email)
    await tab.arrivesAt('Account')
    people.pop()
    assert.deepEqual(tab.faults, [])
  })

  test('show a changed profile in every browser', async () => {
    const phone = await onPhone()
    await phone.goesTo('Edit profile')
    await phone.fills({ 'First name': 'Augusta' })
    await phone.button('Save').click()
    await phone.arrivesAt('Account')
    await laptop.page.getByText('Hello, Augusta.').waitFor()
  })

  test('are announced to end, and end by themselves', async () => {
    const short = await startApp({ AUTHGRAPH_SESSION_DURATION: '20s' })
    try {
      const ada = await newPerson(short)
      await ada.signsUp('ada@example.test')
      await ada.page.getByText(/^Your session ends at .*Log in again to go on working\.$/).waitFor()
      await ada.looks('expiry')
      await ada.arrivesAt('Log in')
      await ada.page.getByText('Your session has ended.').waitFor()
      assert.deepEqual(ada.faults, [])
    } finally {
      await short.stop()
    }
  })
})
