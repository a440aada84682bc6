// Runs a program that a page shows, until the test is over.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Starts a program and keeps what it prints.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {Record<string, string>} [env] more environment
 * @returns {{output: () => string, ended: () => boolean, stop: () => Promise<void>}}
 */
export function startProgram(command, args, env = {}) {
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  let printed = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => (printed += text))
  }
  child.once('error', (error) => (printed += error.message))
  const closed = once(child, 'close').catch(() => {})
  let isClosed = false
  closed.then(() => (isClosed = true))
  return {
    output: () => printed,
    ended: () => isClosed,
    async stop() {
      child.kill('SIGTERM')
      const force = setTimeout(() => child.kill('SIGKILL'), 5_000)
      await closed
      clearTimeout(force)
    },
  }
}

/**
 * Asks again and again, and returns the first answer that is neither undefined nor false.
 * Fails after some seconds.
 */
export async function until(what, ask, seconds = 20) {
  for (const deadline = Date.now() + seconds * 1000; Date.now() < deadline; await sleep(50)) {
    const answer = await ask()
    if (answer !== undefined && answer !== false) return answer
  }
  throw new Error(`not within ${seconds} seconds: ${what}`)
}
