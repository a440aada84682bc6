// The Chromium that AUTHGRAPH_TEST_BROWSER names, and what to watch its pages for. Nothing here needs
// a package, so that workspaces with a playwright-core of their own can use it.

export const executablePath = process.env.AUTHGRAPH_TEST_BROWSER

/** Why suites that need a browser are skipped; false when there is one. */
export const skipWithoutBrowser = executablePath
  ? false
  : 'set AUTHGRAPH_TEST_BROWSER to the path of a Chromium to run this suite'

/** What it is started with, to make no requests of its own. */
export const flags = [
  '--no-sandbox', // containers lack what the sandbox needs
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/**
 * Collects, from now on, what no page of ours may do: errors in the console, violations
 * of the Content-Security-Policy and requests to any origin but those named.
 *
 * @param {import('playwright-core').Page} page
 * @param {...string} origins
 * @returns {Promise<string[]>} the list that grows
 */
export async function watchForFaults(page, ...origins) {
  const faults = []
  page.on('pageerror', (error) => faults.push(`uncaught: ${error.message}`))
  page.on('console', (message) => {
    if (message.type() === 'error') faults.push(`console: ${message.text()}`)
  })
  page.on('request', (request) => {
    const url = new URL(request.url())
    if (!origins.includes(url.origin) && !['data:', 'blob:'].includes(url.protocol)) faults.push(`request: ${url}`)
  })
  await page.exposeFunction('reportViolation', (text) => faults.push(`policy: ${text}`))
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) =>
      window.reportViolation(`${event.violatedDirective} refuses ${event.blockedURI}`),
    )
  })
  return faults
}
