// The application without a mouse.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { skipWithoutBrowser } from '../../../e2e/lib/chromium.js'
import { startApp } from './lib/app.js'
import { newPerson, password } from './lib/person.js'

describe('by keyboard alone', { skip: skipWithoutBrowser, timeout: 300_000 }, () => {
  let app, ada, keyboard

  before(async () => {
    app = await startApp()
    const other = await newPerson(app)
    await other.signsUp('ada@example.test')
    await other.context.close()
    ada = await newPerson(app)
    keyboard = ada.page.keyboard
  })
  after(() => app?.stop())

  const focused = () => ada.page.evaluate(() => document.activeElement.getAttribute('name') ?? document.activeElement.textContent)
  const tabTo = async (name) => {
    for (let presses = 0; presses < 30; presses++) {
      await keyboard.press('Tab')
      if ((await focused()) === name) return
    }
    assert.fail(`the Tab key does not lead to ${name}`)
  }

  test('one logs in', async () => {
    await tabTo('Skip to the content')
    await keyboard.press('Enter')
    await tabTo('identifier')
    await keyboard.type('ada@example.test')
    await keyboard.press('Tab')
    await keyboard.type('not this one 47')
    await keyboard.press('Enter')
    await ada.page.getByRole('alert').filter({ hasText: /./ }).waitFor()
    assert.equal(await focused(), 'identifier')
    await keyboard.press('Tab')
    await keyboard.press('ControlOrMeta+A')
    await keyboard.type(password)
    await keyboard.press('Tab')
    await keyboard.press('Space')
    assert.equal(await ada.field('Stay logged in on this device').isChecked(), true)
    await keyboard.press('Tab')
    assert.equal(await focused(), 'Log in')
    await keyboard.press('Enter')
    await ada.arrivesAt('Account')
  })

  test('every screen is reached, and shows where the focus is', async () => {
    for (const title of ['Sessions', 'API tokens', 'Account']) {
      await ada.page.keyboard.press('ControlOrMeta+Home')
      await ada.page.locator('.skip').focus()
      await tabTo(title)
      const outline = await ada.page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle)
      assert.equal(outline, 'solid')
      await keyboard.press('Enter')
      await ada.arrivesAt(title)
    }
  })

  test('a dialog keeps the focus, and gives it back', async () => {
    await ada.becomesStale()
    await ada.goesTo('API tokens')
    await tabTo('name')
    await keyboard.type('by keyboard')
    await keyboard.press('Enter')
    await ada.page.getByRole('dialog').waitFor()
    const inside = async () => (await ada.page.locator('dialog :focus').count()) + (await ada.page.locator('body:focus').count())
    for (let presses = 0; presses < 8; presses++) {
      await keyboard.press('Tab')
      assert.equal(await ada.page.locator('main :focus, header :focus').count(), 0, await inside())
    }
    await keyboard.press('Escape')
    await ada.page.locator('main :focus').waitFor()
    assert.equal(await focused(), 'name')
  })

  test('browsing back and forth puts the focus on the heading', async () => {
    await ada.goesTo('Sessions')
    await ada.page.goBack()
    await ada.arrivesAt('API tokens')
    await ada.page.goForward()
    await ada.arrivesAt('Sessions')
  })

  test('nothing of that caused an error', () => {
    assert.deepEqual(ada.faults, [])
  })
})
