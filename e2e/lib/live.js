// Live events, as applications listen to them.
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from 'graphql-ws'
import WebSocket from 'ws'
import { call } from './api.js'

const patience = 20_000 // ms

export const authEvents = 'subscription AuthEvents { authEvents { kind current user { firstName } } }'

/** Returns a WebSocket class that sends these headers with its handshake, as a browser or a program does. */
export function socketWith(headers) {
  return class extends WebSocket {
    constructor(address, protocols) {
      super(address, protocols, { headers: typeof headers === 'function' ? headers() : headers })
    }
  }
}

/** Returns a client of npm's graphql-ws, which keeps the codes by which its sockets were closed. */
export function socketClient(origin, headers, options = {}) {
  const closed = []
  const client = createClient({
    url: `${origin.replace('http', 'ws')}/graphql`,
    webSocketImpl: socketWith(headers),
    retryWait: () => sleep(100),
    on: { closed: (event) => closed.push(event.code) },
    ...options,
  })
  return Object.assign(client, { closed })
}

/**
 * Collects what a subscription tells.
 *
 * @param {(sink: object) => (() => void)} subscribe
 */
export function collect(subscribe) {
  const told = []
  let wake
  const tell = (what) => {
    told.push(what)
    wake?.()
  }
  const stop = subscribe({
    next: ({ data, errors }) => tell(errors ? errors[0].extensions.code : data.authEvents),
    error: (error) => tell({ error }),
    complete: () => tell('complete'),
  })
  return {
    stop,
    /** Returns what is told next. */
    async next() {
      const late = sleep(patience, undefined, { ref: false })
      while (told.length === 0) {
        const woken = new Promise((resolve) => (wake = () => resolve(true)))
        assert.ok(await Promise.race([woken, late]), 'nothing was told')
      }
      return told.shift()
    },
  }
}

/**
 * Waits until a listener is told of what happens: nothing says when a subscription has begun. Afterwards
 * nothing is left to be told.
 */
export async function untilListening(origin, token, listener) {
  let told = false
  const first = listener.next().then((event) => {
    told = true
    return event
  })
  while (!told) {
    await rename(origin, token, 'Ada')
    await Promise.race([first, sleep(200)])
  }
  assert.equal((await first).kind, 'PROFILE_CHANGED')
  await rename(origin, token, 'Ada, the last')
  while ((await listener.next()).user.firstName !== 'Ada, the last');
}

/** Changes the first name of whoever has this session. */
export async function rename(origin, token, name) {
  const { errors } = await call(origin, `mutation { updateMe(input: {firstName: "${name}"}) { user { id } } }`, { Authorization: `Bearer ${token}` })
  assert.equal(errors, undefined)
}
