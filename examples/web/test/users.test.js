// An administrator looks through everyone.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { call, logIn } from '../../../e2e/lib/api.js'
import { skipWithoutBrowser } from '../../../e2e/lib/chromium.js'
import { admin } from '../../../e2e/lib/server.js'
import { startApp } from './lib/app.js'
import { newPerson } from './lib/person.js'

const many = 120

describe('the users', { skip: skipWithoutBrowser, timeout: 300_000 }, () => {
  let app, boss, rows, status

  before(async () => {
    app = await startApp()
    const { token } = await logIn(app.server.origin, admin.email, admin.password)
    for (let i = 1; i <= many; i++) {
      const name = String(i).padStart(3, '0')
      const family = i % 40 === 0 ? 'Zuse' : 'Doe'
      const { errors } = await call(
        app.server.origin,
        `mutation { addUser(input: {email: "user${name}@example.test", firstName: "User ${name}", lastName: "${family}"}) { code } }`,
        { Authorization: `Bearer ${token}` },
      )
      assert.equal(errors, undefined)
    }
    boss = await newPerson(app)
    await boss.logsIn(admin.email, admin.password)
    rows = boss.page.getByRole('table', { name: 'Users' }).getByRole('row').filter({ has: boss.page.getByRole('cell') })
    status = boss.page.getByRole('main').getByRole('status')
  })
  after(() => app?.stop())

  test('are listed for who may see them', async () => {
    await boss.goesTo('Users')
    await status.filter({ hasText: `${many + 1} users` }).waitFor()
    await rows.first().waitFor()
    assert.ok((await rows.count()) < many, 'not all of them at once')
    await boss.looks('users')
  })

  test('come page by page as the end comes into view, until there are no more', async () => {
    while ((await rows.count()) < many + 1) {
      const before = await rows.count()
      await boss.page.evaluate(() => window.scrollTo(0, document.body.scrollHeight))
      await rows.nth(before).waitFor()
    }
    assert.equal(await boss.button('Show more').count(), 0)
    const emails = await boss.page.locator('[data-label=Email]').allTextContents()
    assert.equal(new Set(emails).size, many + 1)
  })

  test('are found by the beginning of a name', async () => {
    await boss.field('Search').fill('zuse')
    await status.filter({ hasText: '3 users' }).waitFor()
    await rows.filter({ hasText: 'user120@example.test' }).waitFor()
    assert.equal(await rows.count(), 3)
    await boss.looks('users-found')
    await boss.field('Search').fill('nobody of that name')
    await status.filter({ hasText: '0 users' }).waitFor()
    assert.equal(await rows.count(), 0)
  })

  test('are disabled and enabled, and who is disabled leaves at once', async () => {
    const eve = await newPerson(app)
    await eve.signsUp('eve@example.test')
    await boss.field('Search').fill('eve@')
    await boss.button('Disable eve@example.test').click()
    const dialog = boss.page.getByRole('dialog')
    await dialog.waitFor()
    await boss.looks('users-disable')
    await dialog.getByRole('button', { name: 'Cancel' }).click()
    await boss.page.locator('[aria-label="Disable eve@example.test"]:focus').waitFor()

    await boss.page.keyboard.press('Enter')
    await dialog.getByRole('button', { name: 'Disable' }).click()
    await boss.isTold('eve@example.test was disabled.')
    await rows.filter({ hasText: 'Disabled' }).waitFor()
    await eve.arrivesAt('Log in')
    assert.deepEqual(eve.faults, [])

    await boss.button('Enable eve@example.test').click()
    await dialog.getByRole('button', { name: 'Enable' }).click()
    await rows.filter({ hasText: 'Active' }).waitFor()
    await eve.logsIn('eve@example.test')
    await eve.context.close()
  })

  test('can shut nobody out who must stay: the refusal is shown', async () => {
    await boss.field('Search').fill(admin.email)
    await boss.button(`Disable ${admin.email}`).click()
    const dialog = boss.page.getByRole('dialog')
    await dialog.getByRole('button', { name: 'Disable' }).click()
    await dialog.getByRole('alert').filter({ hasText: /./ }).waitFor()
    await boss.page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'detached' })
  })

  test('cannot be changed by who may only read them', async () => {
    const { token } = await logIn(app.server.origin, admin.email, admin.password)
    const authorization = { Authorization: `Bearer ${token}` }
    const reader = await newPerson(app)
    await reader.signsUp('reader@example.test')
    const found = await call(app.server.origin, '{ users(filter: {search: "reader@"}) { nodes { id } } }', authorization)
    const [{ id }] = found.data.users.nodes
    const { errors } = await call(
      app.server.origin,
      `mutation { createRole(input: {name: "reader", permissions: ["users:read"]}) { role { id } } grantRole(input: {userId: "${id}", role: "reader"}) { user { id } } }`,
      authorization,
    )
    assert.equal(errors, undefined)
    await reader.goesTo('Users')
    await reader.page.getByRole('cell', { name: 'user001@example.test' }).waitFor()
    assert.equal(await reader.page.getByRole('button', { name: /^Disable/ }).count(), 0)
    await reader.context.close()
  })

  test('come into view for who becomes an administrator, without a reload', async () => {
    const deputy = await newPerson(app)
    await deputy.signsUp('deputy@example.test')
    assert.equal(await deputy.page.getByRole('link', { name: 'Users' }).count(), 0)
    const { token } = await logIn(app.server.origin, admin.email, admin.password)
    const authorization = { Authorization: `Bearer ${token}` }
    const found = await call(app.server.origin, '{ users(filter: {search: "deputy@"}) { nodes { id } } }', authorization)
    const [{ id }] = found.data.users.nodes
    const { errors } = await call(app.server.origin, `mutation { grantRole(input: {userId: "${id}", role: "admin"}) { user { id } } }`, authorization)
    assert.equal(errors, undefined)
    await deputy.isTold('What you may do has changed.')
    await deputy.goesTo('Users')
    await deputy.context.close()
  })

  test('all that caused no error', () => {
    assert.deepEqual(boss.faults, [])
  })
})
