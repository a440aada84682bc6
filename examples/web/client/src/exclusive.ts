// One at a time.

/** Runs something while nothing else runs under this lock. */
export type Exclusive = <Result>(run: () => Promise<Result>) => Promise<Result>

/** Returns a lock that all tabs of an origin share, where the platform has Web Locks. */
export function sharedLock(name: string): Exclusive {
  const locks = globalThis.navigator?.locks
  return locks ? (run) => locks.request(name, run) as ReturnType<typeof run> : ownLock()
}

/** Returns a lock of this program's own. */
export function ownLock(): Exclusive {
  let last: Promise<unknown> = Promise.resolve()
  return (run) => {
    const result = last.then(run)
    last = result.catch(() => {})
    return result
  }
}
