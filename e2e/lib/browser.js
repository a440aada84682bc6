// Drives the Chromium that AUTHGRAPH_TEST_BROWSER names.
import { chromium } from 'playwright-core'
import { executablePath, flags } from './chromium.js'

export { skipWithoutBrowser, watchForFaults } from './chromium.js'

/** Starts the browser with a new empty profile, making no requests of its own. */
export function launchBrowser() {
  return chromium.launch({ executablePath, args: flags })
}
