// The recipes for pages: they compile, and people sign in and out by them in a browser, from
// another origin than the server's.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join, normalize } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { createUser, password } from '../lib/api.js'
import { launchBrowser, skipWithoutBrowser } from '../lib/browser.js'
import { codeBlocks } from '../lib/page.js'
import { recipes } from '../lib/recipes.js'
import { freePort, startServer } from '../lib/server.js'

const pages = { react: 'main.tsx', vue: 'main.ts', svelte: 'main.ts' }

test('every block of the page is tried out', async () => {
  const tried = ['operations.ts', 'codegen.json', 'refusal.ts', 'mobile/session.ts', 'node/server.mjs', 'go/main.go', 'tour']
  tried.push('react/main.tsx', 'vue/main.ts', 'vue/App.vue', 'svelte/main.ts', 'svelte/App.svelte')
  const isSetUp = ({ name, language, text }) => !name && language === 'sh' && !text.includes('curl')
  const blocks = (await codeBlocks('recipes.md')).filter((block) => !isSetUp(block))
  assert.deepEqual(blocks.map(({ name }) => name).sort(), tried.sort())
})

describe('the recipes for pages', { timeout: 240_000 }, () => {
  let server, project, sites

  before(async () => {
    const ports = Object.fromEntries(await Promise.all(Object.keys(pages).map(async (recipe) => [recipe, await freePort()])))
    const origins = Object.values(ports).map((port) => `http://localhost:${port}`)
    server = await startServer({ AUTHGRAPH_ORIGINS: origins.join(',') })
    project = await recipes(server.origin)
    sites = ports
    await createUser(server.origin, 'ada@example.test')
  })
  after(async () => {
    await project?.remove()
    await server?.stop()
  })

  // vue-tsc is tsc that knows Vue: it checks the recipe for React, and the one for telephones, as well.
  for (const [file, tool, ...args] of [
    ['vue/App.vue', 'vue-tsc', '--project', '.', '--pretty', 'false'],
    ['svelte/App.svelte', 'svelte-check', '--output', 'machine', '--fail-on-warnings', '--tsconfig', 'tsconfig.svelte.json'],
  ]) {
    test(`${tool} finds nothing, and would find a mistake`, async () => {
      const { code, output } = await project.run(tool, ...args)
      assert.equal(code, 0, output)
      const right = await readFile(join(project.folder, file), 'utf8')
      await project.change(file, (text) => text.replace('session.user.email', 'session.user.mail'))
      const wrong = await project.run(tool, ...args)
      await project.change(file, () => right)
      assert.notEqual(wrong.code, 0)
      assert.match(wrong.output, /Property 'mail' does not exist/)
    })
  }

  describe('in a browser', { skip: skipWithoutBrowser }, () => {
    let browser

    before(async () => {
      browser = await launchBrowser()
    })
    after(() => browser?.close())

    for (const [recipe, main] of Object.entries(pages)) {
      test(`${recipe}: a wrong password, the right one, a reload, log-out`, async () => {
        const site = await serve(await build(project, recipe, main), sites[recipe])
        const context = await browser.newContext()
        try {
          const page = await context.newPage()
          const thrown = []
          page.on('pageerror', (error) => thrown.push(error.message))
          await page.goto(site.origin)
          const signIn = async (secret) => {
            await page.getByLabel('Email or user name').fill('ada@example.test')
            await page.getByLabel('Password').fill(secret)
            await page.getByRole('button', { name: 'Sign in' }).click()
          }
          await signIn('violet harbour lantern 48')
          await page.getByRole('alert').filter({ hasText: 'password' }).waitFor()
          await signIn(password)
          const hello = page.getByRole('heading', { name: 'Hello, ada@example.test' })
          await hello.waitFor()
          await page.reload()
          await hello.waitFor()
          assert.deepEqual((await context.cookies(server.origin)).map(({ name, httpOnly }) => [name, httpOnly])[0], ['authgraph_session', true])
          await page.getByRole('button', { name: 'Sign out' }).click()
          await page.getByRole('button', { name: 'Sign in' }).waitFor()
          await page.reload()
          await page.getByRole('button', { name: 'Sign in' }).waitFor()
          assert.deepEqual(thrown, [])
        } finally {
          await context.close()
          site.close()
        }
      })
    }

    test('react: says that the server cannot be reached', async () => {
      const site = await serve(await build(project, 'react', pages.react), sites.react)
      const context = await browser.newContext()
      try {
        const page = await context.newPage()
        await page.route(`${server.origin}/**`, (route) => route.abort())
        await page.goto(site.origin)
        await page.getByText('The server cannot be reached.').waitFor()
      } finally {
        await context.close()
        site.close()
      }
    })
  })
})

/** Builds the page of a recipe and returns its folder. */
async function build(project, recipe, main) {
  const html = await readFile(join(project.folder, 'index.html'), 'utf8')
  await writeFile(join(project.folder, recipe, 'index.html'), html.replace('MAIN', main))
  const { code, output } = await project.run('vite', { RECIPE: recipe }, 'build', '--config', 'pages.config.js')
  assert.equal(code, 0, output)
  return join(project.folder, recipe, 'dist')
}

/** Serves the files of a folder at a port. */
async function serve(folder, port) {
  const types = { html: 'text/html', js: 'text/javascript', css: 'text/css' }
  const listener = createServer(async ({ url }, response) => {
    const file = url === '/' ? 'index.html' : normalize(url)
    const text = await readFile(join(folder, file)).catch(() => undefined)
    response.writeHead(text ? 200 : 404, { 'Content-Type': types[file.split('.').at(-1)] ?? 'text/plain' }).end(text)
  })
  listener.listen(port, 'localhost')
  await once(listener, 'listening')
  const close = () => {
    listener.close()
    listener.closeAllConnections()
  }
  return { origin: `http://localhost:${port}`, close }
}
