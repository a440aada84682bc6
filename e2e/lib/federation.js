// The programs of docs/federation.md: a gateway in front of authgraph and a service of notes.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { codeBlock } from './page.js'
import { startProgram, until } from './process.js'
import { freePort, printedSchema, startServer } from './server.js'

const audience = 'https://notes.example'

/** Makes a folder with the page's programs, which find their packages where this workspace does. */
export async function federationFolder() {
  const folder = await mkdtemp(join(tmpdir(), 'authgraph-federation-'))
  await symlink(join(import.meta.dirname, '..', 'node_modules'), join(folder, 'node_modules'))
  for (const name of ['compose.mjs', 'gateway.mjs', 'notes.mjs', 'notes.graphql']) {
    await writeFile(join(folder, name), await codeBlock(name, 'federation.md'))
  }
  await writeFile(join(folder, 'authgraph.graphql'), await printedSchema({ AUTHGRAPH_FEDERATION: 'on' }))
  return folder
}

/** Composes the supergraph of subgraphs in a folder, each given by name, URL and file, and returns its text. */
export async function compose(folder, ...subgraphs) {
  const { stdout } = await promisify(execFile)(process.execPath, ['compose.mjs', ...subgraphs.flat()], { cwd: folder })
  return stdout
}

/**
 * Starts all of them.
 *
 * @returns origin is the gateway's, authgraph and notes are how to reach the subgraphs, and got lists
 *   the headers of what the gateway has sent to the notes
 */
export async function startFederation() {
  const folder = await federationFolder()
  const port = await freePort()
  const origin = `http://localhost:${port}`
  const running = []
  const stop = async () => {
    for (const program of running.reverse()) await program.stop()
    await rm(folder, { recursive: true })
  }
  /** Starts a program of the page and returns where it listens. */
  const start = async (...args) => {
    const program = startProgram(process.execPath, args.map(String), { NODE_NO_WARNINGS: '1' })
    running.push(program)
    return until(`${args[0]} listens`, () => {
      assert.equal(program.ended(), false, program.output())
      return /listening on (\S+)/.exec(program.output())?.[1]
    })
  }
  try {
    const server = await startServer({
      AUTHGRAPH_FEDERATION: 'on',
      AUTHGRAPH_PUBLIC_URL: origin,
      AUTHGRAPH_TRUSTED_PROXIES: '127.0.0.1,::1',
      AUTHGRAPH_AUDIENCES: audience,
    })
    running.push(server)
    const notes = await start(join(folder, 'notes.mjs'), origin, `${server.origin}/.well-known/jwks.json`, audience, 0)
    const got = []
    const watch = createServer(async (request, response) => {
      got.push(request.headers)
      const { authorization, 'content-type': type } = request.headers
      const headers = { 'content-type': type, ...(authorization && { authorization }) }
      const answer = await fetch(notes, { method: 'POST', headers, body: Readable.toWeb(request), duplex: 'half' })
      response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') }).end(await answer.text())
    }).listen(0, 'localhost')
    await once(watch, 'listening')
    running.push({
      async stop() {
        watch.close()
        watch.closeAllConnections()
      },
    })
    const supergraph = join(folder, 'supergraph.graphql')
    await writeFile(
      supergraph,
      await compose(folder, ['authgraph', `${server.origin}/graphql`, 'authgraph.graphql'], ['notes', `http://localhost:${watch.address().port}/`, 'notes.graphql']),
    )
    await start(join(folder, 'gateway.mjs'), supergraph, server.origin, port)
    return { origin, authgraph: server.origin, notes, got, stop }
  } catch (error) {
    await stop()
    throw error
  }
}
