// How the tabs of an origin tell each other what became of the session that they share.

/**
 * What a tab tells the others:
 *
 * - `signed-in`: whoever is signed in is so from now on,
 * - `signed-out`: nobody is,
 * - `renewed`: the session has a new token,
 * - `changed`: the session seems to have ended; look.
 *
 * A message never holds a token.
 */
export type TabMessage = 'signed-in' | 'signed-out' | 'renewed' | 'changed'

export interface Tabs {
  tell(message: TabMessage): void
  close(): void
}

/** Joins the tabs that use the same name. */
export function joinTabs(name: string, hear: (message: TabMessage) => void): Tabs {
  if (typeof BroadcastChannel === 'undefined') return { tell: () => {}, close: () => {} }
  const channel = new BroadcastChannel(name)
  channel.onmessage = ({ data }: MessageEvent<TabMessage>) => hear(data)
  if ('unref' in channel && typeof channel.unref === 'function') channel.unref() // Node would run on for it
  return { tell: (message) => channel.postMessage(message), close: () => channel.close() }
}
