// Starts the real server, as an operator would: the binary, its flags and environment.
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'

const projectFolder = join(import.meta.dirname, '..', '..')
const readyWithin = 20_000 // ms; a cold start takes well under one second
const stoppedWithin = 15_000 // ms; longer than the server waits for open requests

/** The administrator that every server is started with. */
export const admin = { email: 'admin@example.test', password: 'copper window orchard 82' }

/**
 * Starts a server on a free port with a new database of its own, unless the settings name another.
 *
 * @param {Record<string, string>} [settings] more environment, as AUTHGRAPH_… names
 * @param {number} [wanted] a port that it had before
 * @returns {Promise<{origin: string, output: () => string, stop: () => Promise<void>}>}
 *   output returns what the server has printed; stop ends it and removes its files, and
 *   fails when the server did not end well
 */
export async function startServer(settings = {}, wanted = undefined) {
  const folder = await mkdtemp(join(tmpdir(), 'authgraph-e2e-'))
  try {
    const binary = await theBinary()
    const passwordFile = join(folder, 'admin-password')
    await writeFile(passwordFile, admin.password, { mode: 0o600 })
    const port = wanted ?? (await freePort())
    const origin = `http://localhost:${port}`
    const flags = [
      ...['--addr', `localhost:${port}`],
      ...['--bcrypt-cost', '10'], // the cheapest that the server takes
    ]
    const server = run(binary, flags, {
      ...environmentWithoutSettings(),
      AUTHGRAPH_PUBLIC_URL: origin,
      AUTHGRAPH_DATABASE: `sqlite:${join(folder, 'authgraph.db')}`,
      AUTHGRAPH_ADMIN_EMAIL: admin.email,
      AUTHGRAPH_ADMIN_PASSWORD_FILE: passwordFile,
      ...settings,
    })
    try {
      await becomesReady(origin, server)
    } catch (error) {
      server.kill()
      throw error
    }
    const stop = async () => {
      try {
        await server.terminate()
      } finally {
        await rm(folder, { recursive: true })
      }
    }
    return { origin, output: server.output, stop }
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    throw error
  }
}

/** Returns the schema as `authgraph schema` prints it under some settings. */
export async function printedSchema(settings = {}) {
  const { stdout } = await promisify(execFile)(await theBinary(), ['schema'], { env: { ...environmentWithoutSettings(), ...settings } })
  return stdout
}

let built

/** Returns the binary that AUTHGRAPH_BINARY names, or builds one for as long as this process runs. */
function theBinary() {
  built ??= process.env.AUTHGRAPH_BINARY ?? buildBinary()
  return built
}

async function buildBinary() {
  const folder = await mkdtemp(join(tmpdir(), 'authgraph-e2e-'))
  process.once('exit', () => rmSync(folder, { recursive: true }))
  const binary = join(folder, 'authgraph')
  await promisify(execFile)('go', ['build', '-o', binary, '.'], { cwd: projectFolder })
  return binary
}

/** Returns a port that nothing listens on. */
export async function freePort() {
  const listener = createServer().listen(0, 'localhost')
  await once(listener, 'listening')
  const { port } = listener.address()
  listener.close()
  await once(listener, 'close')
  return port
}

/** Returns this process's environment without settings of an authgraph outside the tests. */
function environmentWithoutSettings() {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('AUTHGRAPH_')))
}

/** Starts the binary and keeps what it prints. */
function run(binary, flags, env) {
  const child = spawn(binary, flags, { env, cwd: tmpdir(), stdio: ['ignore', 'pipe', 'pipe'] })
  let printed = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => (printed += text))
  }
  const ended = new Promise((resolve) => {
    child.once('error', (error) => resolve(`did not start: ${error.message}`))
    child.once('close', (code, signal) => resolve(code ?? signal))
  })
  const output = () => printed
  return {
    ended,
    output,
    kill: () => child.kill('SIGKILL'),
    async terminate() {
      child.kill('SIGTERM')
      const late = sleep(stoppedWithin, 'still running', { ref: false })
      const result = await Promise.race([ended, late])
      child.kill('SIGKILL') // does nothing to one that has ended
      if (result !== 0) throw new Error(`the server did not end well after SIGTERM (${result}):\n${printed}`)
    },
  }
}

/** Waits until /readyz answers 200; fails at once when the server ends before. */
async function becomesReady(origin, server) {
  let result
  server.ended.then((value) => (result = value))
  for (const deadline = Date.now() + readyWithin; Date.now() < deadline; await sleep(50)) {
    if (result !== undefined) throw new Error(`the server ended (${result}):\n${server.output()}`)
    const answer = await fetch(`${origin}/readyz`).catch(() => undefined)
    if (answer?.status === 200) return
  }
  throw new Error(`the server was not ready after ${readyWithin} ms:\n${server.output()}`)
}
