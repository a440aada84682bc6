// A person at a page of the application.
import assert from 'node:assert/strict'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import axe from 'axe-core'
import { watchForFaults } from '../../../../e2e/lib/chromium.js'

export const password = 'violet harbour lantern 47'

const shots = process.env.AUTHGRAPH_TEST_SHOTS
const desktop = { width: 1280, height: 800 }
const phone = { width: 390, height: 844 }

/** Opens the application in a browser of its own, as far as cookies go. */
export async function newPerson(app, options = {}) {
  const context = await app.browser.newContext({ viewport: desktop, ...options })
  return newTab(app, context)
}

/** Opens it in one more tab of a browser. */
export async function newTab(app, context) {
  const page = await context.newPage()
  page.setDefaultTimeout(30_000) // ms; machines are noisy
  const faults = await watchForFaults(page, app.origin, app.server.origin)
  await page.goto(app.origin)
  await page.locator('h1').waitFor()
  return new Person(app, page, faults)
}

class Person {
  constructor(app, page, faults) {
    Object.assign(this, { app, page, faults, context: page.context() })
  }

  field(label) {
    return this.page.getByLabel(label, { exact: true })
  }

  button(name) {
    return this.page.getByRole('button', { name, exact: true })
  }

  /** Waits until a screen is there, with the focus on its heading. */
  async arrivesAt(title) {
    await this.page.locator('h1:focus').filter({ hasText: new RegExp(`^${title}$`) }).waitFor()
    assert.equal(await this.page.title(), `${title} – authgraph example`)
  }

  async goesTo(link, title = link) {
    await this.page.getByRole('link', { name: link, exact: true }).first().click()
    await this.arrivesAt(title)
  }

  async fills(values) {
    for (const [label, value] of Object.entries(values)) await this.field(label).fill(value)
  }

  async signsUp(email, more = {}) {
    await this.goesTo('Sign up')
    await this.fills({ Email: email, Password: password, ...more })
    await this.button('Sign up').click()
    await this.arrivesAt('Account')
  }

  async logsIn(identifier, secret = password) {
    await this.fills({ 'Email or user name': identifier, Password: secret })
    await this.button('Log in').click()
    await this.arrivesAt('Account')
  }

  /** Waits for a message, and dismisses it. */
  async isTold(text) {
    const notice = this.page.locator('.notice').filter({ hasText: text })
    await notice.waitFor()
    await notice.getByRole('button', { name: 'Dismiss' }).click()
    await notice.waitFor({ state: 'detached' })
  }

  /** Waits for the error next to an input: the one that describes it, and has the focus. */
  async isRefused(label, text) {
    const input = this.field(label)
    await this.page.locator('[aria-invalid=true]:focus').waitFor()
    assert.equal(await input.getAttribute('aria-invalid'), 'true')
    const described = (await input.getAttribute('aria-describedby')).split(' ')
    const texts = await Promise.all(described.map((id) => this.page.locator(`[id="${id}"]`).textContent()))
    assert.match(texts.at(-1), text)
    assert.ok(await input.evaluate((element) => element === document.activeElement), `${label} has the focus`)
  }

  /**
   * Looks at the screen on a desktop and a phone, in light and dark: axe finds nothing wrong, and
   * nothing has to be scrolled sideways. Pictures go where AUTHGRAPH_TEST_SHOTS says, if it does.
   */
  async looks(name) {
    for (const [size, viewport] of Object.entries({ phone, desktop })) {
      await this.page.setViewportSize(viewport)
      for (const colorScheme of ['dark', 'light']) {
        await this.page.emulateMedia({ colorScheme })
        const where = `${name}, ${size}, ${colorScheme}`
        assert.deepEqual(await this.violations(), [], where)
        const [needed, given] = await this.page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth])
        assert.ok(needed <= given, `${where}: ${needed} of ${given} pixels`)
        if (shots) {
          await mkdir(shots, { recursive: true })
          await this.page.screenshot({ path: join(shots, `${name}-${size}-${colorScheme}.png`), fullPage: true })
        }
      }
    }
  }

  /** Returns what axe finds wrong with the page. */
  async violations() {
    await this.page.evaluate(axe.source)
    const { violations } = await this.page.evaluate(() => window.axe.run())
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)
  }

  /** Makes the session one whose password was proved elsewhere: it is not fresh where the browser is another. */
  async becomesStale() {
    this.agents = (this.agents ?? 0) + 1
    const devtools = await this.context.newCDPSession(this.page)
    const userAgent = await this.page.evaluate(() => navigator.userAgent)
    await devtools.send('Network.setUserAgentOverride', { userAgent: `${userAgent} Example/${this.agents}` })
  }
}
