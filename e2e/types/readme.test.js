// The typed client that the README makes in five minutes, with the packages of this workspace.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { GraphQLClient } from 'graphql-request'
import { frontEnd } from '../lib/project.js'
import { startServer } from '../lib/server.js'

describe("the README's typed client", { timeout: 120_000 }, () => {
  let readme, project, server

  /** Returns the block of the README that has a name. */
  const block = (name) => readme.match(new RegExp(`<!-- ${name} -->\n\`\`\`\\w+\n(.*?)\`\`\``, 's'))?.[1] ?? assert.fail(`the README has no block ${name}`)
  const write = (name, text) => writeFile(join(project.folder, name), text)
  const tool = async (name) => {
    const command = block('compile').split('\n').find((line) => line.startsWith(`npx ${name} `))
    const { code, output } = await project.run(name, ...command.split(' #')[0].trim().split(' ').slice(2))
    return { failed: code !== 0, output }
  }

  before(async () => {
    readme = await readFile(join(import.meta.dirname, '..', '..', 'README.md'), 'utf8')
    server = await startServer()
    project = await frontEnd()
    await write('package.json', '{ "type": "module" }')
    await write('codegen.json', block('codegen.json'))
    await write('app.ts', block('app\\.ts').replace('http://localhost:8080', server.origin))
  })
  after(async () => {
    await project?.remove()
    await server?.stop()
  })

  test('installs the versions that are tested', async () => {
    const { devDependencies } = JSON.parse(await readFile(join(import.meta.dirname, '..', 'package.json'), 'utf8'))
    const installed = [...block('install').matchAll(/ (@?[\w/-]+)@(\d+)/g)]
    assert.equal(installed.length, 5)
    for (const [, name, major] of installed) assert.equal(devDependencies[name].split('.')[0], major, name)
  })

  test('is made, compiles and runs', async () => {
    for (const name of ['graphql-codegen', 'tsc']) {
      const { failed, output } = await tool(name)
      assert.equal(failed, false, output)
    }
    const [, identifier, password] = /identifier: '(.+?)', password: '(.+?)'/.exec(block('app\\.ts'))
    const stranger = new GraphQLClient(`${server.origin}/graphql`)
    await stranger.request('mutation ($input: CreateUserInput!) { createUser(input: $input) { user { id } } }', { input: { email: identifier, password } })
    const { stdout } = await promisify(execFile)(process.execPath, ['app.js'], { cwd: project.folder })
    assert.match(stdout, new RegExp(`^${identifier} since 20\\S+Z\n$`))
  })

  test('does not compile with a field that is not there', async () => {
    await project.change('app.ts', (text) => text.replace('me?.createdAt', 'me?.creatdAt'))
    const { failed, output } = await tool('tsc')
    assert.equal(failed, true)
    assert.match(output, /app\.ts\(\d+,\d+\): error TS2551/)
  })
})
