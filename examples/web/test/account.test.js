// A person makes an account and uses it, from sign-up to log-out.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { skipWithoutBrowser } from '../../../e2e/lib/chromium.js'
import { startApp } from './lib/app.js'
import { newPerson, password } from './lib/person.js'

describe('an account', { skip: skipWithoutBrowser, timeout: 300_000 }, () => {
  let app, ada

  before(async () => {
    app = await startApp()
    ada = await newPerson(app)
  })
  after(() => app?.stop())

  test('is made by signing up, which logs in', async () => {
    await ada.goesTo('Sign up')
    await ada.looks('sign-up')
    await ada.fills({ Email: 'ada@example.test', Password: 'password', 'First name (optional)': 'Ada' })
    await ada.button('Sign up').click()
    await ada.isRefused('Password', /common/)
    await ada.looks('sign-up-refused')
    await ada.fills({ Password: password })
    await ada.button('Sign up').click()
    await ada.arrivesAt('Account')
    await ada.page.getByText('Hello, Ada.').waitFor()
    await ada.looks('account')
  })

  test('is not made twice: the error is next to the email address', async () => {
    const eve = await newPerson(app)
    await eve.goesTo('Sign up')
    await eve.fills({ Email: 'Ada@Example.Test', Password: 'another harbour lantern 48' })
    await eve.button('Sign up').click()
    await eve.isRefused('Email', /^Another account has this email address/)
    assert.deepEqual(eve.faults, [])
    await eve.context.close()
  })

  test('is logged out of and into again', async () => {
    await ada.button('Log out').click()
    await ada.arrivesAt('Log in')
    await ada.looks('log-in')
    await ada.fills({ 'Email or user name': 'ada@example.test', Password: 'not this one 47' })
    await ada.button('Log in').click()
    await ada.page.getByRole('alert').filter({ hasText: /./ }).waitFor()
    await ada.looks('log-in-refused')
    await ada.fills({ Password: password })
    await ada.button('Log in').click()
    await ada.page.getByText('Hello, Ada.').waitFor()
  })

  test('is known again after a reload', async () => {
    await ada.page.reload()
    await ada.page.getByText('Hello, Ada.').waitFor()
  })

  test('is edited, and shows it at once', async () => {
    await ada.goesTo('Account')
    await ada.goesTo('Edit profile')
    await ada.looks('edit-profile')
    await ada.fills({ 'Last name': 'Lovelace', Language: 'not a language' })
    await ada.button('Save').click()
    await ada.isRefused('Language', /locale/i)
    await ada.fills({ Language: 'en-GB' })
    await ada.button('Save').click()
    await ada.arrivesAt('Account')
    await ada.isTold('Your profile was saved.')
    await ada.page.getByText('Hello, Ada Lovelace.').waitFor()
    await ada.page.getByRole('banner').getByText('Ada Lovelace').waitFor()
  })

  test('asks for the password again before the email address changes, and then changes it', async () => {
    await ada.becomesStale()
    await ada.goesTo('Edit profile')
    await ada.fills({ Email: 'countess@example.test' })
    await ada.button('Save').click()
    const dialog = ada.page.getByRole('dialog', { name: 'Is it still you?' })
    await dialog.waitFor()
    assert.equal(await ada.page.locator(':focus').getAttribute('name'), 'password')
    await ada.looks('reauthentication')

    // Declined, nothing is changed.
    await ada.page.keyboard.press('Escape')
    await ada.page.getByRole('alert').filter({ hasText: /password again/ }).waitFor()

    await ada.button('Save').click()
    await dialog.waitFor()
    await dialog.getByLabel('Password').fill('not this one 47')
    await ada.button('Go on').click()
    await dialog.getByText('This is not your password.').waitFor()
    await dialog.getByLabel('Password').fill(password)
    await ada.button('Go on').click()
    await ada.arrivesAt('Account')
    await ada.isTold('Your profile was saved.')
    await ada.page.getByText('countess@example.test').first().waitFor()
  })

  test('gets another password', async () => {
    await ada.goesTo('Change password')
    await ada.looks('change-password')
    await ada.fills({ 'Current password': 'not this one 47', 'New password': 'amber windmill harvest 63' })
    await ada.button('Change password').click()
    await ada.isRefused('Current password', /not your password/)
    await ada.fills({ 'Current password': password, 'New password': 'short' })
    await ada.button('Change password').click()
    await ada.isRefused('New password', /8/)
    await ada.fills({ 'New password': 'amber windmill harvest 63' })
    await ada.button('Change password').click()
    await ada.arrivesAt('Account')
    await ada.isTold('Your password was changed.')

    await ada.button('Log out').click()
    await ada.arrivesAt('Log in')
    await ada.logsIn('countess@example.test', 'amber windmill harvest 63')
  })

  test('makes an API token, which is shown once and works until it is revoked', async () => {
    await ada.goesTo('API tokens')
    await ada.looks('tokens-none')
    await ada.becomesStale()
    await ada.fills({ Name: 'nightly report' })
    await ada.button('Create token').click()
    await ada.page.getByRole('dialog').getByLabel('Password').fill('amber windmill harvest 63')
    await ada.button('Go on').click()
    const shown = ada.page.getByRole('textbox', { name: 'Your new token' })
    const token = await shown.inputValue()
    assert.match(token, /^agt_/)
    await ada.page.getByRole('listitem').filter({ hasText: 'nightly report' }).waitFor()
    await ada.looks('tokens-created')
    assert.deepEqual(await me(token), { email: 'countess@example.test' })

    await ada.button('Done').click()
    await shown.waitFor({ state: 'detached' })
    await ada.button('Revoke nightly report').click()
    await ada.page.getByRole('dialog', { name: 'Revoke nightly report?' }).waitFor()
    await ada.looks('tokens-revoke')
    await ada.button('Revoke').click()
    await ada.isTold('nightly report was revoked.')
    await ada.page.getByText('There are none yet.').waitFor()
    assert.equal(await me(token), null)
  })

  test('is found at every address of its own, and nothing at others', async () => {
    await ada.page.goto(`${app.origin}/tokens`)
    await ada.page.getByRole('heading', { name: 'API tokens' }).waitFor()
    await ada.page.goto(`${app.origin}/nowhere`)
    await ada.page.getByRole('heading', { name: 'No such page' }).waitFor()
    await ada.looks('no-such-page')
    await ada.page.goto(`${app.origin}/users`)
    await ada.page.getByRole('alert').filter({ hasText: 'You may not do this.' }).waitFor()
    assert.equal(await ada.page.getByText('Loading').count(), 0)
    await ada.looks('users-forbidden')
  })

  test('leaves nothing in the browser that a script can read', async () => {
    assert.equal(await ada.page.evaluate(() => document.cookie + localStorage.length + sessionStorage.length), '00')
  })

  test('all that caused no error and reached no other server', () => {
    assert.deepEqual(ada.faults, [])
  })

  /** Returns whose a token is. */
  async function me(token) {
    const response = await fetch(`${app.server.origin}/graphql`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${token}` },
      body: '{"query": "{ me { email } }"}',
    })
    return (await response.json()).data.me
  }
})
