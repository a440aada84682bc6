// Short messages about what just happened, read out by screen readers.
import { createContext, type ReactNode, use, useCallback, useState } from 'react'

interface Notice {
  id: number
  text: string
}

const NotifyContext = createContext<(text: string) => void>(() => {})

/** Returns a function that shows a message until it is dismissed. */
export function useNotify() {
  return use(NotifyContext)
}

const most = 3
let last = 0

export function Notices({ children }: { children: ReactNode }) {
  const [notices, setNotices] = useState<Notice[]>([])
  const notify = useCallback((text: string) => {
    setNotices((shown) => [...shown.filter((notice) => notice.text !== text), { id: ++last, text }].slice(-most))
  }, [])
  return (
    <NotifyContext value={notify}>
      {children}
      <div className="notices" role="status">
        {notices.map(({ id, text }) => (
          <div key={id} className="notice">
            <p>{text}</p>
            <button type="button" onClick={() => setNotices((shown) => shown.filter((notice) => notice.id !== id))}>
              Dismiss
            </button>
          </div>
        ))}
      </div>
    </NotifyContext>
  )
}
