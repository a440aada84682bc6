// The built application on an origin of its own, and the real server that lets its pages call.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import { build, preview } from 'vite'
import { executablePath, flags } from '../../../../e2e/lib/chromium.js'
import { freePort, startServer } from '../../../../e2e/lib/server.js'

const root = join(import.meta.dirname, '..', '..')

/**
 * Starts both, and a browser.
 *
 * @param {Record<string, string>} [settings] of the server, as AUTHGRAPH_… names
 */
export async function startApp(settings = {}) {
  const started = []
  const stop = async () => {
    for (const end of started.reverse()) await end()
  }
  try {
    const port = await freePort()
    const origin = `http://localhost:${port}`
    const server = await startServer({ AUTHGRAPH_ORIGINS: origin, AUTHGRAPH_RATE_LIMITS: 'off', ...settings })
    started.push(server.stop)

    const outDir = await mkdtemp(join(tmpdir(), 'authgraph-example-'))
    started.push(() => rm(outDir, { recursive: true }))
    process.env.VITE_AUTHGRAPH_ENDPOINT = `${server.origin}/graphql`
    await build({ root, logLevel: 'error', build: { outDir } })
    const pages = await preview({ root, logLevel: 'error', build: { outDir }, preview: { port } })
    started.push(() => pages.close())

    const browser = await chromium.launch({ executablePath, args: flags })
    started.push(() => browser.close())
    return { origin, server, browser, stop }
  } catch (error) {
    await stop()
    throw error
  }
}
