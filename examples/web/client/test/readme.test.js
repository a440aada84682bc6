// The programs of README.md, as they stand there, against the real server.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { createUser } from '../../../../e2e/lib/api.js'
import { startServer } from '../../../../e2e/lib/server.js'

const own = join(import.meta.dirname, '..')
const cookies = join(own, '..', '..', '..', 'e2e', 'lib', 'cookies.js')

describe('the README', { timeout: 120_000 }, () => {
  let server, folder

  before(async () => {
    server = await startServer()
    await createUser(server.origin, 'ada@example.com')
    folder = await mkdtemp(join(own, 'dist', 'readme-')) // where the packages are found
  })
  after(async () => {
    await rm(folder, { recursive: true })
    await server?.stop()
  })

  for (const [name, printed] of [
    ['fetch', /^signed-out\nINVALID_CREDENTIALS .+\nsigned-in\nada@example.com\nsigned-out\n$/],
    ['urql', /^ada@example.com\ntrue\n$/],
    ['apollo', /^ada@example.com\nBAD_USER_INPUT locale\n$/],
    ['token', /^true\n$/],
  ]) {
    test(`shows a program with ${name} that runs`, async () => {
      assert.match(await run(name), printed)
    })
  }

  /** Runs a program as a page does: its cookies are kept. */
  async function run(name) {
    const readme = await readFile(join(own, 'README.md'), 'utf8')
    const [, block] = new RegExp(`<!-- ${name} -->\n\`\`\`js\n(.*?)\`\`\``, 's').exec(readme)
    assert.ok(block.includes('https://auth.example.com'))
    const page = name === 'token' ? '' : `import { pageFetch } from '${cookies}'\nglobalThis.fetch = pageFetch('${server.origin}')\n`
    await writeFile(join(folder, 'page.js'), page)
    await writeFile(join(folder, `${name}.js`), block.replaceAll('https://auth.example.com', server.origin))
    const { stdout } = await promisify(execFile)(process.execPath, ['--import', './page.js', `${name}.js`], { cwd: folder, timeout: 30_000 })
    return stdout
  }
})
