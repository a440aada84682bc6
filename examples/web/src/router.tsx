// Which screen is shown, by the path of the page. Eight screens need no library.
import { type AnchorHTMLAttributes, type ReactNode, useEffect, useRef, useSyncExternalStore } from 'react'

const listeners = new Set<() => void>()
let navigated = false

function subscribe(listener: () => void) {
  listeners.add(listener)
  window.addEventListener('popstate', listener)
  return () => {
    listeners.delete(listener)
    window.removeEventListener('popstate', listener)
  }
}

export function usePath(): string {
  return useSyncExternalStore(subscribe, () => window.location.pathname)
}

export function navigate(path: string, { replace = false } = {}) {
  if (path === window.location.pathname) return focusHeading()
  navigated = true
  window.history[replace ? 'replaceState' : 'pushState'](null, '', path)
  window.scrollTo(0, 0)
  for (const listener of listeners) listener()
}

export function Link({ href, ...rest }: AnchorHTMLAttributes<HTMLAnchorElement> & { href: string }) {
  const current = usePath() === href
  return (
    <a
      href={href}
      aria-current={current ? 'page' : undefined}
      onClick={(event) => {
        if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
        event.preventDefault()
        navigate(href)
      }}
      {...rest}
    />
  )
}

/**
 * A screen: its title is the page's, and its heading takes the focus, so that whoever uses a
 * keyboard or a screen reader goes on from there.
 */
export function Screen({ title, children }: { title: string; children: ReactNode }) {
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    document.title = `${title} – authgraph example`
    if (navigated) heading.current?.focus()
    navigated = true
  }, [title])
  return (
    <>
      <h1 ref={heading} tabIndex={-1}>
        {title}
      </h1>
      {children}
    </>
  )
}

/** Puts the focus on the screen's heading, as when what had it is gone. */
export function focusHeading() {
  document.querySelector<HTMLElement>('h1')?.focus()
}
