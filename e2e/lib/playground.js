// Uses the playground as a person does: by its tabs, its editor and its run button.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

const examples = join(import.meta.dirname, '..', '..', 'playground', 'src', 'operations')

/** Returns the text of an example operation, such as `2-log-in`. */
export function exampleOperation(name) {
  return readFile(join(examples, `${name}.graphql`), 'utf8')
}

export class Playground {
  /** @param {import('playwright-core').Page} page */
  constructor(page) {
    this.page = page
    this.editor = page.locator('.graphiql-query-editor .view-lines')
    this.headersEditor = page.locator('.graphiql-editor-tool .graphiql-editor:not(.hidden) .view-lines')
    this.tabs = page.locator('.graphiql-tab-button')
    this.runButton = page.getByRole('button', { name: /^Execute query/ })
    this.stopButton = page.getByRole('button', { name: /^Stop query/ })
  }

  /** Opens the page and waits until its editor and the schema are there. */
  async open(origin) {
    const schemaLoaded = this.page.waitForResponse(isAnswer)
    await this.page.goto(origin)
    await this.editor.locator('.view-line').first().waitFor()
    await (await schemaLoaded).finished()
  }

  async openTab(title) {
    await this.tabs.filter({ hasText: new RegExp(`^${title}$`) }).click()
  }

  /** Replaces the operation in the editor by pasting; typing would add closing brackets. */
  paste(operation) {
    return this.#pasteInto(this.editor, operation)
  }

  /** Replaces what every request has in its headers, besides what it has anyhow. */
  async pasteHeaders(headers) {
    await this.page.locator('[data-name=headers]').click()
    await this.#pasteInto(this.headersEditor, JSON.stringify(headers))
  }

  async #pasteInto(editor, text) {
    await this.page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
    await this.page.evaluate((text) => navigator.clipboard.writeText(text), text)
    await editor.click()
    await this.page.keyboard.press('ControlOrMeta+A')
    await this.page.keyboard.press('ControlOrMeta+V')
  }

  /**
   * Asks for completions at the cursor until one has the name; the first time the
   * editor may still be loading the schema.
   */
  async waitForCompletion(name) {
    const completion = this.page.locator('.suggest-widget.visible').getByLabel(name).first()
    for (let tries = 1; tries < 10; tries++) {
      await this.page.keyboard.press('Control+Space')
      const shown = completion.waitFor({ timeout: 2000 })
      if (await shown.then(() => true, () => false)) return
      await this.page.keyboard.press('Escape')
    }
    throw new Error(`no completion ${name} was offered`)
  }

  /** Runs the operation in the editor and returns the answer once the response pane shows it. */
  async run() {
    const answered = this.page.waitForResponse(isAnswer)
    await this.runButton.click()
    const answer = await (await answered).json()
    await this.waitFor(answer)
    return answer
  }

  /**
   * Pastes a subscription and runs it. Returns the server's response once it has begun: from then on
   * it tells what happens.
   */
  async listen(subscription) {
    await this.paste(subscription)
    const answered = this.page.waitForResponse(isAnswer)
    await this.runButton.click()
    return answered
  }

  /** Waits until the response pane shows an answer, and nothing else. */
  async waitFor(answer) {
    await this.page.waitForFunction(responsePaneShows, withoutSpace(JSON.stringify(answer)))
  }

  /** Opens a tab, runs what is in it and returns the answer. */
  async runTab(title) {
    await this.openTab(title)
    return this.run()
  }
}

function isAnswer(response) {
  return new URL(response.url()).pathname === '/graphql'
}

function withoutSpace(text) {
  return text.replace(/\s/g, '')
}

/** Runs in the page. Reports whether the pane's lines, from top to bottom, are the text. */
function responsePaneShows(text) {
  const lines = [...document.querySelectorAll('.graphiql-response .view-line')]
  lines.sort((a, b) => parseFloat(a.style.top) - parseFloat(b.style.top))
  return lines.map((line) => line.textContent).join('').replace(/\s/g, '') === text
}
